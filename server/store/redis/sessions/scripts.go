package sessions

import (
	_ "embed" // the scripts are files

	"github.com/redis/rueidis"
)

//go:embed splice.lua
var spliceLua string

//go:embed patch.lua
var patchLua string

//go:embed compare_and_set.lua
var compareAndSetLua string

//go:embed delete.lua
var deleteLua string

//go:embed delete_one.lua
var deleteOneLua string

//go:embed restore.lua
var restoreLua string

// scripts are the scripts on sessions' documents. Redis keeps scripts
// until it restarts; one that it does not know is sent again.
type scripts struct {
	patch, compareAndSet, restore, remove, deleteOne *rueidis.Lua
}

func newScripts() scripts {
	return scripts{
		patch:         rueidis.NewLuaScript(spliceLua + patchLua),
		compareAndSet: rueidis.NewLuaScript(compareAndSetLua),
		restore:       rueidis.NewLuaScript(spliceLua + restoreLua),
		remove:        rueidis.NewLuaScript(deleteLua),
		deleteOne:     rueidis.NewLuaScript(deleteOneLua),
	}
}

// scripts are the scripts on the keys of presence.
