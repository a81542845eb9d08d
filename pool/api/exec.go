package api

import (
	"encoding/json"

	"github.com/lxd-pool/lxd-pool/pool"
)

// A command runs over one websocket. Every message is binary: one byte that
// names the channel, then the payload. The client's first message is a
// [Control] with Start. The server's last one is a Control with Exit or
// Problem; whoever closes before that has broken off.
//
//	stdin    client → server   at most Window bytes ahead of the server's Credit
//	stdout   server → client   as fast as the client reads
//	stderr   server → client   likewise
//	control  both ways         JSON, at any time
//
// Standard input has a window of its own, so that a signal or a new window size
// is never stuck behind input that the command does not read.
const (
	// MaxPayload is the most that one message carries, but for Start.
	MaxPayload = 32 << 10
	// MaxMessage is the most that a message has at all.
	MaxMessage = MaxBody
	// Window is how many bytes of standard input may be under way.
	Window = 256 << 10
)

// MaxBody is the most that the body of a request has.
const MaxBody = 1 << 20

// Channel is the first byte of a message.
type Channel byte

// The channels.
const (
	Stdin Channel = iota
	Stdout
	Stderr
	ControlChannel
)

// Control is a message about the command. Exactly one field is set.
type Control struct {
	Start *Start `json:"start,omitempty"`
	// Resize tells the new size of the caller's terminal.
	Resize *pool.Size `json:"resize,omitempty"`
	// Signal is a number to be sent to the command.
	Signal int `json:"signal,omitempty"`
	// EOF: there is no more standard input.
	EOF bool `json:"eof,omitempty"`
	// Credit allows that many more bytes of standard input.
	Credit int `json:"credit,omitempty"`
	// Exit is the exit status of the command.
	Exit *int `json:"exit,omitempty"`
	// Problem says why there is none.
	Problem *Problem `json:"problem,omitempty"`
}

// Start says what to run.
type Start struct {
	Args []string `json:"args"`
	// Login: the login shell of the user, in place of Args.
	Login bool              `json:"login,omitempty"`
	Env   map[string]string `json:"env,omitempty"`
	Cwd   string            `json:"cwd,omitempty"`
	User  string            `json:"user,omitempty"`
	// Stdin: there will be standard input. Without it, it is empty.
	Stdin    bool      `json:"stdin,omitempty"`
	Terminal bool      `json:"terminal,omitempty"`
	Size     pool.Size `json:"size,omitzero"`
}

// NewStart returns what of a command travels at first.
func NewStart(c pool.Command) *Start {
	return &Start{
		Args: c.Args, Login: c.Login, Env: c.Env, Cwd: c.Cwd, User: c.User,
		Stdin: c.Stdin != nil, Terminal: c.Terminal, Size: c.Size,
	}
}

// Command returns the command to run, without its streams.
func (s *Start) Command() pool.Command {
	return pool.Command{Args: s.Args, Login: s.Login, Env: s.Env, Cwd: s.Cwd, User: s.User, Terminal: s.Terminal, Size: s.Size}
}

// DecodeMessage splits a message. The payload is part of it, not a copy. The
// error is a [pool.ErrInvalid].
func DecodeMessage(message []byte) (Channel, []byte, error) {
	if len(message) == 0 {
		return 0, nil, badMessage("it is empty")
	}
	channel, payload := Channel(message[0]), message[1:]
	switch {
	case channel > ControlChannel:
		return 0, nil, badMessage("there is no channel %d", channel)
	case channel != ControlChannel && len(payload) > MaxPayload:
		return 0, nil, badMessage("it has %d bytes, more than %d", len(payload), MaxPayload)
	}
	return channel, payload, nil
}

// DecodeControl reads the payload of a message on the control channel. The
// error is a [pool.ErrInvalid].
func DecodeControl(payload []byte) (Control, error) {
	var c Control
	if err := json.Unmarshal(payload, &c); err != nil {
		return Control{}, badMessage("%w", err)
	}
	set := 0
	for _, is := range []bool{c.Start != nil, c.Resize != nil, c.Signal != 0, c.EOF, c.Credit != 0, c.Exit != nil, c.Problem != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return Control{}, badMessage("it says %d things at once", set)
	}
	return c, nil
}

func badMessage(format string, args ...any) error {
	return pool.Invalidf("are both ends of the same version?", "cannot understand a message from the other end: "+format, args...)
}
