package pool

import "time"

// Status of a pool, as "show" and "status" tell it.
type PoolStatus struct {
	Name     PoolName  `json:"name"`
	Spec     Spec      `json:"spec"`
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled,omitempty"`
	Doomed   bool      `json:"doomed,omitempty"`
	// Keeper is the configuration that keeps the spec; "": commands do. Unkept:
	// it no longer has the pool, which goes when its leases have ended.
	Keeper   Keeper    `json:"keeper,omitempty"`
	Unkept   bool      `json:"unkept,omitempty"`
	Counts   Counts    `json:"counts"`
	Problems []Problem `json:"problems"`
}

// Counts is how many instances stand in each state, and how many requests
// wait. Everything that exists is counted, so the seven add up to what is built.
type Counts struct {
	Creating  int `json:"creating"`
	Spare     int `json:"spare"`
	Starting  int `json:"starting"`
	Ready     int `json:"ready"`
	Leased    int `json:"leased"`
	Resetting int `json:"resetting"`
	Deleting  int `json:"deleting"`
	// Waiting is the number of instances that waiting requests ask for.
	Waiting int `json:"waiting"`
	// Outdated and Held are judgements on some of the seven.
	Outdated int `json:"outdated"`
	Held     int `json:"held"`
}

// Built is the sum of the seven states.
func (c Counts) Built() int {
	return c.Creating + c.Spare + c.Starting + c.Ready + c.Leased + c.Resetting + c.Deleting
}

// Problem is what keeps a pool from doing what its spec asks.
type Problem struct {
	// Code is a stable word: "journal" (it cannot be written), "lxd-away",
	// "remote-away", "burial" (what is left of a pool cannot be deleted),
	// "creation-failing", "image-unknown", "wedged" (an instance cannot be
	// deleted), "full".
	Code string `json:"code"`
	// Text says it with its cause, Remedy what to do.
	Text   string    `json:"text"`
	Remedy string    `json:"remedy,omitempty"`
	Since  time.Time `json:"since"`
	// Next is when the engine tries again by itself; zero: it waits for a change.
	Next time.Time `json:"next,omitzero"`
}

// Explanation answers why.
type Explanation struct {
	// Subject is what was asked about: a pool, a lease or an instance.
	Subject string `json:"subject"`
	// Summary is the answer in one sentence.
	Summary string `json:"summary"`
	// Facts lead to it, most important first.
	Facts []string `json:"facts"`
	// Leases tell who has what. They are apart from the facts because not
	// everybody may read them.
	Leases []LeaseFact `json:"leases,omitempty"`
	// Next are commands or deeds that would change it.
	Next []string `json:"next,omitempty"`
}

// LeaseFact is what an explanation says of one lease.
type LeaseFact struct {
	Lease  LeaseID  `json:"lease"`
	Holder Identity `json:"holder"`
	Text   string   `json:"text"`
}
