package presence

import (
	_ "embed" // the scripts are files

	"github.com/redis/rueidis"
)

//go:embed join.lua
var joinLua string

//go:embed leave.lua
var leaveLua string

//go:embed beat.lua
var beatLua string

//go:embed reap.lua
var reapLua string

//go:embed retire.lua
var retireLua string

//go:embed online.lua
var onlineLua string

//go:embed counts.lua
var countsLua string

type scripts struct {
	join, leave, beat, reap, retire, online, counts *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		join:   rueidis.NewLuaScript(joinLua),
		leave:  rueidis.NewLuaScript(leaveLua),
		beat:   rueidis.NewLuaScript(beatLua),
		reap:   rueidis.NewLuaScript(reapLua),
		retire: rueidis.NewLuaScript(retireLua),
		online: rueidis.NewLuaScriptReadOnly(onlineLua),
		counts: rueidis.NewLuaScriptReadOnly(countsLua),
	}
}
