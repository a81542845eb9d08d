//go:build nextformat

package boltstore

import bolt "go.etcd.io/bbolt"

// A build with this tag has the journal of a version to come: the next format,
// and a step that leads there and changes nothing. It is for trying what an
// upgrade does, and the way back.
func init() {
	poolFormat.steps = map[int]func(*bolt.Tx) error{poolFormat.version: func(*bolt.Tx) error { return nil }}
	poolFormat.version++
}
