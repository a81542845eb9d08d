package api

import (
	"encoding/json"

	"github.com/lxd-pool/lxd-pool/pool"
)

// ProgressType is the type of an answer that tells how far it is: lines of JSON,
// each a [ProgressLine]. It is sent for the routes that can, to those who accept
// it, with status 200. What ends before there was anything to tell is answered
// as always. Ending the request ends the work.
const ProgressType = "application/x-ndjson"

// ProgressLine is one line of an answer that tells how far it is. The last line
// has the result or the problem; without such a line the outcome is unknown.
type ProgressLine struct {
	Progress *pool.Progress  `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Problem  *Problem        `json:"problem,omitempty"`
}
