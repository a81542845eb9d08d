package specyaml

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// Marshal writes v in YAML, with the names and the order that it has in JSON.
func Marshal(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil { // JSON is YAML
		return nil, err
	}
	relax(&doc)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

// relax lets the encoder choose how to write what JSON wrote with quotes and
// braces. Empty lists and maps stay as they are.
func relax(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode || len(n.Content) > 0 {
		n.Style = 0
	}
	for _, child := range n.Content {
		relax(child)
	}
}
