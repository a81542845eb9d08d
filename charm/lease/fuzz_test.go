package lease_test

import (
	"reflect"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/lease"
)

// Whatever a unit writes, what is read of it reads the same when it is written again.
func FuzzParseRequests(f *testing.F) {
	for _, v := range vectors(f, "requirer") {
		f.Add(v.Bag[lease.RequestsKey])
	}
	f.Fuzz(func(t *testing.T, text string) {
		requests, problems := lease.ParseRequests(map[string]string{lease.RequestsKey: text})
		for _, p := range problems {
			if p.Code == "" || p.Reason == "" {
				t.Errorf("a problem does not say why: %+v", p)
			}
		}
		bag, err := lease.RequestsBag(requests)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		if again, problems := lease.ParseRequests(bag); !reflect.DeepEqual(again, requests) || problems != nil {
			t.Errorf("%+v became %+v with %v", requests, again, problems)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	for _, v := range vectors(f, "provider") {
		f.Add(v.Bag["api"], v.Bag["leases"], v.Bag["problems"])
	}
	f.Fuzz(func(t *testing.T, api, leases, problems string) {
		a, err := lease.ParseAnswer(map[string]string{"api": api, "leases": leases, "problems": problems})
		if err != nil {
			return
		}
		bag, err := a.Bag()
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		again, err := lease.ParseAnswer(bag)
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		// A time is the same in another zone, so what is compared is what is written.
		if twice, err := again.Bag(); !reflect.DeepEqual(twice, bag) || err != nil {
			t.Errorf("%v became %v (%v)", bag, twice, err)
		}
	})
}
