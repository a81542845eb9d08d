package boltstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// writing is an encoded batch: what to do with each key of each bucket, in
// order. A nil value removes.
type writing []entry

type entry struct{ bucket, key, value []byte }

// encode is done before the transaction, so that what cannot be encoded
// never touches the file.
func encode(b *pool.Batch) (writing, error) {
	w := make(writing, 0, 1+len(b.Instances)+len(b.Leases))
	var errs []error
	add := func(bucket []byte, key string, value any) {
		text, err := json.Marshal(value)
		errs = append(errs, err)
		w = append(w, entry{bucket, []byte(key), text})
	}
	if b.Record != nil {
		add(poolBucket, string(recordKey), b.Record)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Instances)) {
		if in := b.Instances[name]; in != nil {
			add(instancesBucket, string(name), in)
		} else {
			w = append(w, entry{instancesBucket, []byte(name), nil})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.Leases)) {
		if l := b.Leases[id]; l != nil {
			add(leasesBucket, string(id), l)
		} else {
			w = append(w, entry{leasesBucket, []byte(id), nil})
		}
	}
	return w, errors.Join(errs...)
}

func (w writing) write(tx *bolt.Tx) error {
	for _, e := range w {
		b := tx.Bucket(e.bucket)
		if b == nil {
			return fmt.Errorf("there is no bucket %q", e.bucket)
		}
		var err error
		if e.value == nil {
			err = b.Delete(e.key)
		} else {
			err = b.Put(e.key, e.value)
		}
		if err != nil {
			return fmt.Errorf("%q in %q: %w", e.key, e.bucket, err)
		}
	}
	return nil
}

// decode reads a whole file into m, up to the first record that cannot be read.
func decode(tx *bolt.Tx, m *pool.Memory) error {
	err := each(tx, poolBucket, func(key, value []byte) (err error) {
		m.Record, err = decodeRecord(key, value)
		return err
	})
	if err != nil {
		return err
	}
	err = each(tx, instancesBucket, func(key, value []byte) error {
		in, err := decodeInstance(key, value)
		if err == nil {
			m.Instances[in.Name] = in
		}
		return err
	})
	if err != nil {
		return err
	}
	return each(tx, leasesBucket, func(key, value []byte) error {
		l, err := decodeLease(key, value)
		if err == nil {
			m.Leases[l.ID] = l
		}
		return err
	})
}

// each stops at the first record of a bucket that cannot be read, and names it.
// Keys that do not rise show that the pages of a broken file form a ring.
func each(tx *bolt.Tx, bucket []byte, read func(key, value []byte) error) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return fmt.Errorf("there is no bucket %q", bucket)
	}
	var last []byte
	return b.ForEach(func(key, value []byte) error {
		if last != nil && bytes.Compare(last, key) >= 0 {
			return fmt.Errorf("%.80q in %q comes after %.80q", key, bucket, last)
		}
		last = key
		if err := read(key, value); err != nil {
			return fmt.Errorf("%.80q in %q: %w", key, bucket, err)
		}
		return nil
	})
}

func decodeRecord(key, value []byte) (*pool.Record, error) {
	if string(key) != string(recordKey) {
		return nil, errors.New("it has no place there")
	}
	var r pool.Record
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

func decodeInstance(key, value []byte) (*pool.Instance, error) {
	var in pool.Instance
	if err := json.Unmarshal(value, &in); err != nil {
		return nil, err
	}
	switch {
	case string(in.Name) != string(key):
		return nil, fmt.Errorf("it names itself %.80q", in.Name)
	case in.State == 0:
		return nil, errors.New("it has no state")
	}
	return &in, nil
}

func decodeLease(key, value []byte) (*pool.Lease, error) {
	var l pool.Lease
	if err := json.Unmarshal(value, &l); err != nil {
		return nil, err
	}
	if string(l.ID) != string(key) {
		return nil, fmt.Errorf("it names itself %.80q", l.ID)
	}
	return &l, nil
}
