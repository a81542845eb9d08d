// Package boltstore keeps journals on disk, durably, with bbolt: the store of
// a manager that owns its pools alone. One directory belongs to one process at
// a time.
//
// # The persisted form
//
//	DIR/                       0700
//	├── manager.db             0600, open (and so locked) as long as the store
//	│   └── meta
//	│       ├── format         "1"
//	│       └── manager        the manager's id, as in the tags of its instances
//	└── pools/                 0700
//	    └── NAME.db            0600, one for each pool
//	        ├── meta
//	        │   ├── format     "1"
//	        │   └── manager    the same id, so that files of two stores never mix
//	        ├── pool
//	        │   └── record     pool.Record
//	        ├── instances
//	        │   └── NAME       pool.Instance
//	        └── leases
//	            └── ID         pool.Lease, running and ended ones
//
// Records are JSON with the field names of their Go types. A field that is new
// and may be missing needs no new format; any other change does, with a step
// in the table of migrations. A file of a newer format is refused and left as
// it is. NAME.db.*.new is a file that was still being made when its process
// ended; it is deleted at the next open.
package boltstore
