package simbackend

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// guest is one command that runs in an instance.
type guest struct {
	ctx     context.Context
	backend *Backend
	order   pool.Order
	command pool.Command
	out     *gate
	err     *gate

	mu   sync.Mutex
	size pool.Size // of its terminal
}

// commands is everything that an instance can run, beside "sh -c" with one of
// these and its arguments in one string.
var commands = map[string]func(g *guest, args []string) int{
	"true":     func(*guest, []string) int { return 0 },
	"false":    func(*guest, []string) int { return 1 },
	"exit":     exit,
	"echo":     func(g *guest, args []string) int { return g.print(strings.Join(args, " ") + "\n") },
	"hostname": func(g *guest, _ []string) int { return g.print(string(g.order.Instance) + "\n") },
	"env":      env,
	"sleep":    sleepFor,
	"cat":      cat,
	"tee":      tee,
	"read":     cat,
	"write":    write,
	"stty":     stty,
	"limits":   limits,
}

// init adds what refers to the table itself.
func init() { commands["sh"] = shell }

func (g *guest) run(args []string) int {
	if len(args) == 3 && args[0] == "sh" && args[1] == "-c" {
		args = strings.Fields(args[2])
	}
	if len(args) == 0 {
		return 0
	}
	command := commands[args[0]]
	if command == nil {
		return g.complain(127, "%s: not found", args[0])
	}
	return command(g, args[1:])
}

// shell runs the lines that it reads, until there are no more or one is "exit".
// As in a terminal, a carriage return ends a line, Ctrl-C drops it, and Ctrl-D
// in place of one ends the shell.
func shell(g *guest, _ []string) int {
	line, status := "", 0
	in := bufio.NewReader(orNothing(g.command.Stdin))
	for {
		c, err := in.ReadByte()
		switch {
		case err != nil || c == 4 && line == "":
			return status
		case c == 3:
			line, status = "", 130
			g.print("^C\n")
		case c != '\r' && c != '\n':
			line += string(c)
		default:
			args := strings.Fields(line)
			line = ""
			if len(args) > 0 {
				status = g.run(args)
			}
			if len(args) > 0 && args[0] == "exit" {
				return status
			}
		}
	}
}

func orNothing(r io.Reader) io.Reader {
	if r == nil {
		return strings.NewReader("")
	}
	return r
}

// stty prints the size of the terminal.
func stty(g *guest, args []string) int {
	if !g.command.Terminal || len(args) != 1 || args[0] != "size" {
		return g.complain(1, "stty: use stty size, in a terminal")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.print(fmt.Sprintf("%d %d\n", g.size.Height, g.size.Width))
}

func (g *guest) resize(size pool.Size) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = size
}

func exit(g *guest, args []string) int {
	if len(args) == 0 {
		return 0
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 || n > 255 {
		return g.complain(2, "exit: bad number %q", args[0])
	}
	return n
}

func env(g *guest, _ []string) int {
	for _, name := range slices.Sorted(maps.Keys(g.command.Env)) {
		g.print(name + "=" + g.command.Env[name] + "\n")
	}
	return 0
}

// sleepFor sleeps for seconds; "sleep infinity" until it is killed.
func sleepFor(g *guest, args []string) int {
	if len(args) == 1 && args[0] == "infinity" {
		<-g.ctx.Done()
		return 137
	}
	seconds, err := strconv.ParseFloat(strings.Join(args, ""), 64)
	if err != nil {
		return g.complain(1, "sleep: bad time %q", args)
	}
	sleep(g.ctx, time.Duration(seconds*float64(time.Second)))
	return 0
}

// cat prints files, or standard input without any.
func cat(g *guest, paths []string) int {
	if len(paths) == 0 && g.command.Stdin != nil {
		io.Copy(g.out, g.command.Stdin)
	}
	for _, path := range paths {
		text, ok := g.file(path)
		if !ok {
			return g.complain(1, "cat: %s: no such file", path)
		}
		g.print(text)
	}
	return 0
}

// tee writes standard input into a file and prints it.
func tee(g *guest, args []string) int {
	var text strings.Builder
	if g.command.Stdin != nil {
		io.Copy(io.MultiWriter(&text, g.out), g.command.Stdin)
	}
	return g.store(args[:min(1, len(args))], text.String())
}

// write writes a text into a file, with a line end.
func write(g *guest, args []string) int {
	if len(args) != 2 {
		return g.complain(2, "write: use write PATH TEXT")
	}
	return g.store(args[:1], args[1]+"\n")
}

func (g *guest) store(paths []string, text string) int {
	for _, path := range paths {
		if err := g.backend.writeFile(keyOf(g.order), path, text); err != nil {
			return g.complain(1, "%s", err)
		}
	}
	return 0
}

// writeFile replaces a file, and makes the directories above it.
func (b *Backend) writeFile(k key, path, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	files, err := b.tree(k)
	if err != nil {
		return err
	}
	files.mu.Lock()
	files.plant(path, textFile(text))
	files.mu.Unlock()
	return b.alter(Exec, k, func(*instance) {})
}

// file returns the text of a file.
func (g *guest) file(path string) (text string, ok bool) {
	g.backend.mu.Lock()
	defer g.backend.mu.Unlock()
	files, err := g.backend.tree(keyOf(g.order))
	if err != nil {
		return "", false
	}
	return files.text(path)
}

func (g *guest) print(text string) int {
	io.WriteString(g.out, text)
	return 0
}

func (g *guest) complain(status int, format string, args ...any) int {
	fmt.Fprintf(g.err, format+"\n", args...)
	return status
}

func (g *guest) shut() {
	g.out.shut()
	g.err.shut()
}

// gate is a stream of a command. Once shut it takes nothing more, so that a
// command that was left behind writes to nobody.
type gate struct {
	mu   sync.Mutex
	w    io.Writer
	gone bool
}

func (o *gate) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone {
		return 0, io.ErrClosedPipe
	}
	if o.w == nil {
		return len(p), nil
	}
	return o.w.Write(p)
}

func (o *gate) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
}
