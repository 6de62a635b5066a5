package sessions

import (
	_ "embed" // the scripts are files

	"github.com/redis/rueidis"
)

//go:embed splice.lua
var spliceLua string

//go:embed patch.lua
var patchLua string

//go:embed swap.lua
var swapLua string

//go:embed delete.lua
var deleteLua string

//go:embed bury.lua
var buryLua string

//go:embed restore.lua
var restoreLua string

// scripts are the scripts on sessions' documents. Redis keeps scripts
// until it restarts; one that it does not know is sent again.
type scripts struct {
	patch, swap, restore, remove, bury *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		patch:   rueidis.NewLuaScript(spliceLua + patchLua),
		swap:    rueidis.NewLuaScript(swapLua),
		restore: rueidis.NewLuaScript(spliceLua + restoreLua),
		remove:  rueidis.NewLuaScript(deleteLua),
		bury:    rueidis.NewLuaScript(buryLua),
	}
}

// scripts are the scripts on the keys of presence.
