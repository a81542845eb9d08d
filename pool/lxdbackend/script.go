package lxdbackend

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// script runs a shell script in the instance, without any stream, and returns
// its exit status. It is the cheapest way to run something: no websockets. When
// ctx ends first the script runs on.
func (b *Backend) script(ctx context.Context, o pool.Order, text string, args ...string) (int, error) {
	post := api.InstanceExecPost{Command: append([]string{"/bin/sh", "-c", text, "lxd-pool"}, args...)}
	for pause := newPause(); ; {
		op, err := b.do(ctx, http.MethodPost, at(o, "/exec"), post)
		if !agentMissing(o, err) || pause.sleep(ctx) != nil {
			if err != nil {
				return 0, err
			}
			return exitStatus(op)
		}
	}
}

// agentMissing reports whether a virtual machine has not started the agent yet
// that runs commands in it.
func agentMissing(o pool.Order, err error) bool {
	return err != nil && o.Spec.Type == pool.VirtualMachine && strings.Contains(err.Error(), "agent")
}

// exitStatus reads the status of a command from its operation.
func exitStatus(op *api.Operation) (int, error) {
	status, ok := op.Metadata["return"].(float64)
	if !ok {
		return 0, &operationError{fmt.Sprintf("LXD did not say how the command ended (%v)", op.Metadata["return"])}
	}
	return int(status), nil
}
