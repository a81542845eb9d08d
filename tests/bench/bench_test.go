package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAShareOfTheTimesDoesNotExceedIt(t *testing.T) {
	var hundred times
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for q, want := range map[float64]time.Duration{0: 1, .5: 50, .99: 99, 1: 100} {
		if got := hundred.at(q); got != want {
			t.Errorf("at %g: %d, not %d", q, got, want)
		}
	}
	if got := (times{}).p99(); got != 0 {
		t.Errorf("of none: %d", got)
	}
	if got := (times{7}).p50(); got != 7 {
		t.Errorf("of one: %d", got)
	}
}

func TestTheRatioIsThatOfThePairInTheMiddle(t *testing.T) {
	// The machine got slower all the time; ours was twice as fast in each pair.
	p := pairs{ours: times{1, 10, 100}, theirs: times{2, 20, 200}}
	if got := p.ratio(); got != .5 {
		t.Errorf("%g", got)
	}
	if got := median([]float64{4, 1}); got != 2.5 {
		t.Errorf("of two: %g", got)
	}
}

func TestATimeThatFailedIsNotCounted(t *testing.T) {
	var taken times
	if err := taken.add(func() error { return nil }); err != nil || len(taken) != 1 {
		t.Errorf("%v, %v", taken, err)
	}
	if err := taken.add(func() error { return errors.ErrUnsupported }); err == nil || len(taken) != 1 {
		t.Errorf("%v, %v", taken, err)
	}
}

func TestATextReplacesWhatStoodInItsPlaceAlone(t *testing.T) {
	page := "before\n<!-- begin fill -->\nold\n<!-- end fill -->\n<!-- begin idle -->\n<!-- end idle -->\nafter\n"
	once, err := replaced(page, "fill", "new")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(page, "old", "new", 1); once != want {
		t.Errorf("%s", once)
	}
	if again, err := replaced(once, "fill", "new"); again != once || err != nil {
		t.Errorf("not the same again: %v\n%s", err, again)
	}
	for _, broken := range []string{"", "<!-- begin fill -->\n", "<!-- end fill -->"} {
		if _, err := replaced(broken, "fill", "new"); err == nil {
			t.Errorf("wrote into %q", broken)
		}
	}
}

func TestEveryPartHasItsPlaceInThePage(t *testing.T) {
	page := contents("../../docs/benchmarks.md")
	for _, name := range append(names(), "machine") {
		if _, err := replaced(page, name, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestAMutexPoolGivesWhatItHasToOneAtATime(t *testing.T) {
	p := newMutexPool(2)
	a, b := p.acquire(), p.acquire()
	if a == b {
		t.Fatalf("%d twice", a)
	}
	got := make(chan int)
	go func() { got <- p.acquire() }()
	p.release(a)
	if c := <-got; c != a {
		t.Errorf("%d, not %d", c, a)
	}
}

func TestNumbersAreWrittenToBeRead(t *testing.T) {
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for x, want := range map[float64]string{812.4: "812", 1.153: "1.15", .0412: "0.041"} {
		if got := factor(x); got != want {
			t.Errorf("%g: %s", x, got)
		}
	}
}

func TestATableIsMarkdownWithItsFiguresToTheRight(t *testing.T) {
	of := newTable("what", "p50")
	of.row("a µs", 12345)
	want := "| what |   p50 |\n|------|------:|\n| a µs | 12345 |"
	if got := of.String(); got != want {
		t.Errorf("\n%s\nnot\n%s", got, want)
	}
}
