package main

import (
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// timeForm is how a time is written, in the local zone.
const timeForm = "2006/01/02 15:04:05 MST"

// when writes a time, "" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(timeForm)
}

// long writes a length of time with as much precision as is of use.
func long(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return "less than 1s"
	case d < time.Hour:
		d = d.Round(time.Second)
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
	default:
		d = d.Round(time.Hour)
	}
	return pool.Duration(d).String()
}

// ago writes how long a time is past, fromNow how far it is to come.
func ago(t time.Time) string     { return long(time.Since(t)) + " ago" }
func fromNow(t time.Time) string { return "in " + long(time.Until(t)) }
