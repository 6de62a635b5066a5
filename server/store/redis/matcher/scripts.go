package matcher

import (
	_ "embed" // the scripts are files

	"github.com/redis/rueidis"
)

//go:embed search.lua
var searchLua string

//go:embed leave.lua
var leaveLua string

//go:embed move.lua
var moveLua string

//go:embed restore_pair.lua
var restorePairLua string

// scripts are the scripts on the keys of the matcher.
type scripts struct {
	search, leave, move, restore *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		search:  rueidis.NewLuaScript(searchLua),
		leave:   rueidis.NewLuaScript(leaveLua),
		move:    rueidis.NewLuaScript(moveLua),
		restore: rueidis.NewLuaScript(restorePairLua),
	}
}
