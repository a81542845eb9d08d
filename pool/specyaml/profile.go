package specyaml

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Profile reads the content of a profile, or a profile as lxd-pool or LXD's own
// command shows it. A key that no profile has is an error.
func Profile(text []byte) (pool.Profile, error) {
	var p pool.Profile
	node, err := document(text)
	if err != nil || node == nil {
		return p, err
	}
	if node.Kind != yaml.MappingNode {
		return p, fmt.Errorf("line %d: the keys of a profile are expected, such as config", node.Line)
	}
	markText(node)
	var value map[string]any
	if err := node.Decode(&value); err != nil {
		return p, plain(err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return p, err
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return pool.Profile{}, explain(err, "a profile")
	}
	return p, nil
}
