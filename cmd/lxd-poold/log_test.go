package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestTheJournalGetsPrioritiesAndNoTime(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, "journal", slog.LevelInfo)
	log.Debug("not seen")
	log.With("pool", "ci").Info("made", "size", 3)
	log.WithGroup("lxd").Warn("slow", "time", "5s")
	log.Error("gone", "error", errors.New("two\nlines"))
	want := `<6>msg=made pool=ci size=3
<4>msg=slow lxd.time=5s
<3>msg=gone error="two\nlines"
`
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
}

func TestTheLogIsTextOrJSONForOthers(t *testing.T) {
	for format, want := range map[logFormat]string{"text": "level=INFO msg=made pool=ci", "json": `"level":"INFO","msg":"made","pool":"ci"`} {
		var out bytes.Buffer
		newLogger(&out, format, slog.LevelInfo).Info("made", "pool", "ci")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q, want %q in it", format, out.String(), want)
		}
	}
}
