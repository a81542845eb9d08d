package specyaml

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Configuration reads the file that a daemon is configured by. A key that it
// does not have is an error; whether it makes sense is for its Validate to say.
func Configuration(text []byte) (*api.Configuration, error) {
	c := &api.Configuration{}
	node, err := document(text)
	if err != nil || node == nil {
		return c, err
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: the keys of a configuration are expected, such as group: lxd", node.Line)
	}
	pools := without(node, "pools")
	markText(node)
	var value map[string]any
	if err := node.Decode(&value); err != nil {
		return nil, plain(err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, explain(err, "a configuration")
	}
	if pools != nil {
		c.Pools, err = poolsOf(pools)
	}
	return c, err
}

// without takes a key out of a map and returns its value, nil if it has none.
func without(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			value := node.Content[i+1]
			node.Content = append(node.Content[:i:i], node.Content[i+2:]...)
			return value
		}
	}
	return nil
}
