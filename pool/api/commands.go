package api

import "github.com/lxd-pool/lxd-pool/pool"

// Detach is the body that runs a command without its caller.
type Detach struct {
	Args []string          `json:"args"`
	Env  map[string]string `json:"env,omitempty"`
	// Cwd is the working directory, "" for the user's home.
	Cwd string `json:"cwd,omitempty"`
	// User is a name or a number inside the instance, "" for root.
	User string `json:"user,omitempty"`
}

// Command returns the command to run.
func (d *Detach) Command() pool.Command {
	return pool.Command{Args: d.Args, Env: d.Env, Cwd: d.Cwd, User: d.User}
}

// Signal is the body that sends a signal, by its number.
type Signal struct {
	Signal int `json:"signal"`
}

// OutputLine is one line of the output of a detached command: a chunk, or why
// there are no more. Without either the output has ended.
type OutputLine struct {
	*pool.OutputChunk
	Problem *Problem `json:"problem,omitempty"`
}
