package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// machine tells on what and how the figures came about, and how much others
// were at work on it meanwhile.
func (b *bench) machine(ctx context.Context) (string, error) {
	version, err := exec.CommandContext(ctx, filepath.Join(b.bin, "lxd-poold"), "--version").Output()
	if err != nil {
		return "", err
	}
	theirs, err := b.lxd.describe(ctx)
	if err != nil {
		return "", err
	}
	load, err := loadAverage()
	if err != nil {
		return "", err
	}
	t := newTable("what", "in this run")
	t.row("lxd-pool", trimmed(version))
	t.row("LXD", theirs)
	t.row("Go", runtime.Version())
	t.row("system", fmt.Sprintf("%s, Linux %s", field("/etc/os-release", "PRETTY_NAME=", "="), strings.TrimSpace(contents("/proc/sys/kernel/osrelease"))))
	t.row("processors", fmt.Sprintf("%d × %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name", ":")))
	t.row("memory", memory())
	t.row("disk of the journals", filesystem(b.dir))
	t.row("date, length of the run", fmt.Sprintf("%s, %.1f min", b.began.UTC().Format("2006-01-02 15:04 UTC"), time.Since(b.began).Minutes()))
	t.row("load average at the beginning and at the end", b.load+"; "+load)
	t.row("processors busy with other work before each part", fmt.Sprintf("median %.0f %%, most %.0f %%", 100*median(b.noise), 100*slices.Max(b.noise)))
	return t.String(), nil
}

// describe is the version of LXD and where its containers are.
func (l *lxd) describe(ctx context.Context) (string, error) {
	var server struct {
		Environment struct {
			Version string `json:"server_version"`
			Storage string `json:"storage"`
		} `json:"environment"`
	}
	err := l.ask(ctx, "GET", "/1.0", nil, &server)
	return server.Environment.Version + ", storage " + server.Environment.Storage, err
}

// listenLong is how long the machine is listened to before each part.
const listenLong = time.Second / 2

// listen notes how busy the machine is while we do nothing.
func (b *bench) listen(ctx context.Context) error {
	busy, all, err := processors()
	if err != nil {
		return err
	}
	if err := pause(ctx, listenLong); err != nil {
		return err
	}
	busyNow, allNow, err := processors()
	if err == nil {
		b.noise = append(b.noise, (busyNow-busy)/max(1, allNow-all))
	}
	return err
}

// processors returns how long the processors were busy, of how long in all.
func processors() (busy, all float64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, each := range strings.Fields(line)[1:9] {
		n, err := strconv.ParseFloat(each, 64)
		if err != nil {
			return 0, 0, err
		}
		all += n
		if i != 3 && i != 4 { // idle, and waiting for the disk
			busy += n
		}
	}
	return busy, all, nil
}

func loadAverage() (string, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(string(text))[:3], " "), nil
}

// contents of a file that only describes the machine, "" when there is none.
func contents(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// field is the value after sep in the first line of a file that begins with start.
func field(path, start, sep string) string {
	for line := range strings.Lines(contents(path)) {
		if strings.HasPrefix(line, start) {
			_, value, _ := strings.Cut(line, sep)
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return "unknown"
}

func memory() string {
	kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":"), " kB"))
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
}

// filesystem is the kind of what a directory lies on.
func filesystem(dir string) string {
	kind, longest := "unknown", ""
	for line := range strings.Lines(contents("/proc/mounts")) {
		f := strings.Fields(line)
		if len(f) > 2 && len(f[1]) >= len(longest) && (f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/")) {
			longest, kind = f[1], f[2]
		}
	}
	return kind
}
