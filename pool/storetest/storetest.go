// Package storetest is the contract of [pool.Store] as one suite, which every
// store passes.
package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Disk is where a store keeps its journals from one life to the next.
type Disk struct {
	// Open opens the store, an empty one at first. The suite closes it.
	Open func(t *testing.T) pool.Store
	// Crash ends the life of an open store without closing it, and opens the
	// next life.
	Crash func(t *testing.T, s pool.Store) pool.Store
}

// Run runs the suite. fresh makes an empty disk.
func Run(t *testing.T, fresh func(t *testing.T) Disk) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

var tests = []struct {
	name string
	run  func(t *testing.T, d Disk)
}{
	{"ANewStoreHasAManagerAndNoPools", aNewStoreHasAManagerAndNoPools},
	{"TheManagerStaysTheSame", theManagerStaysTheSame},
	{"AJournalIsEmptyAndListedOnceItWasOpened", aJournalIsEmptyAndListedOnceItWasOpened},
	{"WhatWasCommittedIsThereAfterAClose", whatWasCommittedIsThereAfterAClose},
	{"WhatWasCommittedIsThereAfterACrash", whatWasCommittedIsThereAfterACrash},
	{"EveryFieldSurvives", everyFieldSurvives},
	{"ANilValueRemoves", aNilValueRemoves},
	{"WhatIsNotInABatchStays", whatIsNotInABatchStays},
	{"ABatchIsSeenAsAWhole", aBatchIsSeenAsAWhole},
	{"ACommitThatCameTooLateWritesNothing", aCommitThatCameTooLateWritesNothing},
	{"WhatLoadReturnedIsTheCallersOwn", whatLoadReturnedIsTheCallersOwn},
	{"ASecondWriterIsRefused", aSecondWriterIsRefused},
	{"AClosedJournalRefusesAndIsNotLost", aClosedJournalRefusesAndIsNotLost},
	{"AClosedStoreRefusesAndClosesItsJournals", aClosedStoreRefusesAndClosesItsJournals},
	{"ARemovedJournalIsGone", aRemovedJournalIsGone},
	{"AnOpenJournalIsNotRemoved", anOpenJournalIsNotRemoved},
	{"JournalsDoNotMixWhenUsedAtOnce", journalsDoNotMixWhenUsedAtOnce},
	{"RandomOperationsMatchAModel", randomOperationsMatchAModel},
}

// day is a time that survives being written down.
var day = time.Date(2024, 2, 29, 12, 30, 0, 123456789, time.UTC)

func opened(t *testing.T, s pool.Store, name pool.PoolName) pool.Journal {
	t.Helper()
	j, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func commit(t *testing.T, j pool.Journal, b *pool.Batch) {
	t.Helper()
	if err := j.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, j pool.Journal) *pool.Memory {
	t.Helper()
	m, err := j.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func closed(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, got, want *pool.Memory) {
	t.Helper()
	if g, w := text(t, got), text(t, want); g != w {
		t.Errorf("the journal holds\n%s\nand should hold\n%s", g, w)
	}
}

// text writes a memory so that equal ones are equal.
func text(t *testing.T, m *pool.Memory) string {
	t.Helper()
	written, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(written)
}

// leased is a batch that leases an instance.
func leased(name pool.InstanceName, id pool.LeaseID) *pool.Batch {
	return &pool.Batch{
		Instances: map[pool.InstanceName]*pool.Instance{
			name: {Name: name, State: pool.Leased, Since: day, Created: day, Lease: id, Fence: 1},
		},
		Leases: map[pool.LeaseID]*pool.Lease{
			id: {ID: id, Pool: id.Pool(), Instance: name, Holder: "user:alice", Created: day, Expires: day.Add(time.Hour), Fence: 1},
		},
	}
}

func memoryOf(batches ...*pool.Batch) *pool.Memory {
	m := pool.NewMemory()
	for _, b := range batches {
		b.Apply(m)
	}
	return m
}
