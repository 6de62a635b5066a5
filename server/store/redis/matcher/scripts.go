package matcher

import (
	_ "embed" // the scripts are files

	"github.com/redis/rueidis"
)

//go:embed search.lua
var searchLua string

//go:embed part.lua
var partLua string

//go:embed move.lua
var moveLua string

//go:embed restore_pair.lua
var restorePairLua string

// scripts are the scripts on the keys of the matcher.
type scripts struct {
	search, part, move, restore *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		search:  rueidis.NewLuaScript(searchLua),
		part:    rueidis.NewLuaScript(partLua),
		move:    rueidis.NewLuaScript(moveLua),
		restore: rueidis.NewLuaScript(restorePairLua),
	}
}
