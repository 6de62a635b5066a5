package store

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

//go:embed epoch.lua
var epochLua string

//go:embed restore.lua
var restoreLua string

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

//go:embed census.lua
var censusLua string

//go:embed search.lua
var searchLua string

//go:embed part.lua
var partLua string

//go:embed move.lua
var moveLua string

// sessionScripts are the scripts on sessions' documents. Redis keeps scripts
// until it restarts; one that it does not know is sent again.
type sessionScripts struct {
	patch, swap, restore, remove, bury *rueidis.Lua
}

func newSessionScripts() sessionScripts {
	return sessionScripts{
		patch:   rueidis.NewLuaScript(spliceLua + patchLua),
		swap:    rueidis.NewLuaScript(swapLua),
		restore: rueidis.NewLuaScript(spliceLua + restoreLua),
		remove:  rueidis.NewLuaScript(deleteLua),
		bury:    rueidis.NewLuaScript(buryLua),
	}
}

// presenceScripts are the scripts on the keys of presence.
type presenceScripts struct {
	join, leave, beat, reap, retire, online, census *rueidis.Lua
}

func newPresenceScripts() presenceScripts {
	return presenceScripts{
		join:   rueidis.NewLuaScript(joinLua),
		leave:  rueidis.NewLuaScript(leaveLua),
		beat:   rueidis.NewLuaScript(beatLua),
		reap:   rueidis.NewLuaScript(reapLua),
		retire: rueidis.NewLuaScript(retireLua),
		online: rueidis.NewLuaScriptReadOnly(onlineLua),
		census: rueidis.NewLuaScriptReadOnly(censusLua),
	}
}

// matchScripts are the scripts on the keys of the matcher.
type matchScripts struct {
	search, part, move *rueidis.Lua
}

func newMatchScripts() matchScripts {
	return matchScripts{
		search: rueidis.NewLuaScript(searchLua),
		part:   rueidis.NewLuaScript(partLua),
		move:   rueidis.NewLuaScript(moveLua),
	}
}
