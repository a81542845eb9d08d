package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/lxd-pool/lxd-pool/pool"
)

// progressAfter is how long something takes before its progress is shown.
const progressAfter = time.Second

const barWidth = 24

// progress is a line on the terminal about what is waited for. A nil one shows
// nothing.
type progress struct {
	all *mpb.Progress
	bar *mpb.Bar
	// beside is how much of the line is not for the text.
	beside int

	mu   sync.Mutex
	text string
}

// progress shows that something is waited for, once it takes long, if there is
// a terminal to show it on. total is how many steps it has, 0 when nobody knows.
func (c *cli) progress(text string, total int) *progress {
	if c.quiet || !term.IsTerminal(int(c.err.Fd())) {
		return nil
	}
	p := &progress{text: text, beside: 14}
	delay := make(chan any)
	time.AfterFunc(progressAfter, func() { close(delay) })
	p.all = mpb.New(mpb.WithOutput(c.err), mpb.WithWidth(barWidth), mpb.WithRenderDelay(delay), mpb.WithAutoRefresh())
	options := []mpb.BarOption{
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(p.label(c.err))),
	}
	if total > 0 {
		p.beside += barWidth
		p.bar = p.all.AddBar(int64(total), options...)
	} else {
		p.bar = p.all.AddSpinner(0, append(options, mpb.BarWidth(1))...)
	}
	return p
}

// told shows what is waited for, as far as the daemon tells through the context
// that it returns, until done is called.
func (c *cli) told(ctx context.Context, text string) (_ context.Context, done func()) {
	p := c.progress(text, 100)
	if p == nil {
		return ctx, func() {}
	}
	return pool.WithProgress(ctx, func(now pool.Progress) { p.say(describeProgress(now)) }), p.done
}

// describeProgress puts progress into words, and how much of a hundred it is.
func describeProgress(now pool.Progress) (string, int) {
	switch {
	case now.Total > 0:
		return fmt.Sprintf("%s: % .1f of % .1f", now.Stage, decor.SizeB1024(now.Done), decor.SizeB1024(now.Total)), int(100 * now.Done / now.Total)
	case now.Done > 0:
		return fmt.Sprintf("%s: % .1f", now.Stage, decor.SizeB1024(now.Done)), now.Percent
	}
	return now.Stage, now.Percent
}

// label cuts the text to what fits on a line.
func (p *progress) label(f *os.File) decor.DecorFunc {
	return func(decor.Statistics) string {
		p.mu.Lock()
		defer p.mu.Unlock()
		width, _, err := term.GetSize(int(f.Fd()))
		room := max(20, width-p.beside)
		if err != nil || len(p.text) <= room {
			return " " + p.text
		}
		return " " + strings.ToValidUTF8(p.text[:room], "")
	}
}

// say tells how far it is.
func (p *progress) say(text string, step int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.text = text
	p.mu.Unlock()
	p.bar.SetCurrent(int64(step))
}

// done takes the line away.
func (p *progress) done() {
	if p == nil {
		return
	}
	p.bar.Abort(true)
	p.all.Wait()
}
