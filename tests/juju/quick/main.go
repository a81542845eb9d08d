// quick is a client of the hook tools that starts in a moment: Juju's own takes
// longer to start than the call. It is for worlds with thousands of hooks; all
// other tests use Juju's.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"path/filepath"
)

// request and response have the fields that travel.
type request struct {
	ContextId, Dir, CommandName string
	Args                        []string
	StdinSet                    bool
	Stdin                       []byte
	Token                       string
}

type response struct {
	Code           int
	Stdout, Stderr []byte
}

// needsStdin is how the server asks for it.
const needsStdin = "hook tool requires stdin, none supplied"

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR", err)
	}
	os.Exit(code)
}

func run() (int, error) {
	dir, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	client, err := rpc.Dial(os.Getenv("JUJU_AGENT_SOCKET_NETWORK"), os.Getenv("JUJU_AGENT_SOCKET_ADDRESS"))
	if err != nil {
		return 1, err
	}
	defer client.Close()
	r := request{ContextId: os.Getenv("JUJU_CONTEXT_ID"), Dir: dir, CommandName: filepath.Base(os.Args[0]), Args: os.Args[1:], Token: os.Getenv("JUJU_AGENT_TOKEN")}
	var said response
	err = client.Call("Jujuc.Main", r, &said)
	if err != nil && err.Error() == needsStdin {
		r.StdinSet = true
		if r.Stdin, err = io.ReadAll(os.Stdin); err == nil {
			err = client.Call("Jujuc.Main", r, &said)
		}
	}
	if err != nil {
		return 1, err
	}
	_, err = os.Stdout.Write(said.Stdout)
	_, bad := os.Stderr.Write(said.Stderr)
	return said.Code, errors.Join(err, bad)
}
