package boltstore_test

import (
	"fmt"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

// BenchmarkCommit commits to a journal of 1,000 leased instances, with its fsync.
func BenchmarkCommit(b *testing.B) {
	for _, records := range []int{1, 80, 500} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			s, err := boltstore.Open(b.TempDir(), boltstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			j, err := s.Open(b.Context(), "ci")
			if err != nil {
				b.Fatal(err)
			}
			if err := j.Commit(b.Context(), batch(0, 1000)); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				// An instance and its lease are two records.
				next := batch(i*7%500, (records+1)/2)
				next.Record = nil
				if records == 1 {
					next.Leases = nil
				}
				if err := j.Commit(b.Context(), next); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*records), "µs/record")
		})
	}
}

// BenchmarkLoad opens and loads a journal of 10,000 instances and as many leases.
func BenchmarkLoad(b *testing.B) {
	s, err := boltstore.Open(b.TempDir(), boltstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		j, err := s.Open(b.Context(), "ci")
		if err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			if err := j.Commit(b.Context(), batch(0, 10_000)); err != nil {
				b.Fatal(err)
			}
		}
		if m, err := j.Load(b.Context()); err != nil || len(m.Instances) != 10_000 {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
