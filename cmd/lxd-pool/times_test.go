package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLengthsOfTimeHaveAsMuchPrecisionAsIsOfUse(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond:                  "less than 1s",
		time.Second + 400*time.Millisecond:      "1s",
		29*time.Minute + 59*time.Second + 600e6: "30m",
		90 * time.Second:                        "1m30s",
		3*time.Hour + 29*time.Second:            "3h",
		25*time.Hour + 10*time.Minute:           "25h10m",
		72*time.Hour + 20*time.Minute:           "72h",
		-5 * time.Minute:                        "5m",
	} {
		if got := long(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestTimesAreInTheLocalZone(t *testing.T) {
	zone := time.Local
	defer func() { time.Local = zone }()
	time.Local = time.FixedZone("CET", 3600)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if got := when(at); got != "2026/03/01 13:00:00 CET" {
		t.Errorf("got %q", got)
	}
	if got := when(time.Time{}); got != "" {
		t.Errorf("no time is written %q", got)
	}
}

func TestHowFarATimeIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := fromNow(time.Now().Add(time.Hour)); got != "in 1h" {
			t.Errorf("got %q", got)
		}
		if got := ago(time.Now().Add(-90 * time.Second)); got != "1m30s ago" {
			t.Errorf("got %q", got)
		}
	})
}
