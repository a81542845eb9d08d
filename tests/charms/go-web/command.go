package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// command is a program with its arguments, or a line for a shell.
type command []string

// UnmarshalJSON reads a list, or a text as a line for a shell.
func (c *command) UnmarshalJSON(text []byte) error {
	var line string
	if json.Unmarshal(text, &line) == nil {
		*c = shell(line)
		return nil
	}
	return json.Unmarshal(text, (*[]string)(c))
}

func shell(line string) command { return command{"sh", "-c", line} }

// patience is how long one command may take.
const patience = 2 * time.Minute

// outcome is what a command did.
type outcome struct {
	Command string `json:"command"`
	Exit    int    `json:"exit"`
	Output  string `json:"output"`
}

// overAPI runs a command in a leased instance, with nothing but what the
// relation gave.
func overAPI(ctx context.Context, g lease.Granted, c command) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	api := g.Client()
	defer api.Close()
	var said output
	exit, err := api.Exec(ctx, g.ID, pool.Command{Args: c, Stdout: &said, Stderr: &said})
	return outcome{Exit: exit, Output: said.String()}, err
}

// overSSH does the same by ssh. It trusts the keys in the relation, and no others.
func (c *charm) overSSH(ctx context.Context, g lease.Granted, what command) (outcome, error) {
	if g.SSH == nil || len(g.SSH.HostKeys) == 0 {
		return outcome{}, errors.New("there is no way in by ssh: set ssh=true here, and expose to direct or proxy there")
	}
	known, err := os.CreateTemp("", "known-hosts-")
	if err != nil {
		return outcome{}, err
	}
	defer os.Remove(known.Name())
	_, err = known.WriteString(g.SSH.KnownHosts())
	if err := errors.Join(err, known.Close()); err != nil {
		return outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile="+known.Name(), "-o", "GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no",
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR",
		"-i", c.keyFile(), "-p", strconv.Itoa(g.SSH.Port), "-l", g.SSH.User, g.SSH.Address, "--", what.quoted())
	var said output
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	const sshFailed = 255
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() >= 0 && ended.ExitCode() != sshFailed {
		return outcome{Exit: ended.ExitCode(), Output: said.String()}, nil
	} else if err != nil {
		return outcome{}, fmt.Errorf("ssh %s: %w: %s", g.SSH.Address, err, strings.TrimSpace(said.String()))
	}
	return outcome{Output: said.String()}, nil
}

// quoted is the command as the shell at the other end of ssh reads it.
func (c command) quoted() string {
	words := make([]string, len(c))
	for i, word := range c {
		words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// output keeps the beginning of what a command writes, as much as fits into the
// result of an action.
type output struct{ kept bytes.Buffer }

func (o *output) Write(p []byte) (int, error) {
	const most = 16 << 10
	o.kept.Write(p[:min(len(p), most-o.kept.Len())])
	return len(p), nil
}

// String is what can be an argument of a program.
func (o *output) String() string {
	return strings.ReplaceAll(strings.ToValidUTF8(o.kept.String(), "\uFFFD"), "\x00", "")
}

// runEverywhere runs the command of the config in every leased instance where it
// has not run yet, and notes what it did. What went wrong is returned as a
// status, "" if nothing did; the next event tries again.
func (c *charm) runEverywhere(ctx context.Context, granted []lease.Granted) (trouble hooktool.Status, why string, err error) {
	before, err := c.outcomes()
	if err != nil {
		return "", "", err
	}
	now := map[pool.LeaseID]outcome{}
	for _, g := range granted {
		did, done := before[g.ID]
		if !done || did.Command != c.config.Command {
			if did, err = c.runOnce(ctx, g); err != nil {
				trouble, why = hooktool.Waiting, fmt.Sprintf("cannot run the command in %s: %v", g.Instance, err)
				continue
			}
		}
		if now[g.ID] = did; did.Exit != 0 {
			trouble, why = hooktool.Blocked, fmt.Sprintf("the command ends with status %d in %s; set another one", did.Exit, g.Instance)
		}
	}
	text, err := json.Marshal(now)
	if err != nil {
		return "", "", err
	}
	return trouble, why, keep(c.outcomeFile(), text)
}

func (c *charm) runOnce(ctx context.Context, g lease.Granted) (outcome, error) {
	if c.config.Command == "" {
		return outcome{}, nil
	}
	did, err := overAPI(ctx, g, shell(c.config.Command))
	did.Command = c.config.Command
	return did, err
}

// outcomes are those of the leases that the unit had in the last event.
func (c *charm) outcomes() (map[pool.LeaseID]outcome, error) {
	text, err := os.ReadFile(c.outcomeFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all map[pool.LeaseID]outcome
	return all, json.Unmarshal(text, &all)
}

// forget removes what was noted of leases.
func (c *charm) forget() error {
	if err := os.Remove(c.outcomeFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (c *charm) outcomeFile() string { return filepath.Join(c.dir, "outcomes.json") }

func (c *charm) keyFile() string { return filepath.Join(c.dir, "id_ed25519") }

// publicKey returns the unit's own, and draws a pair if there is none yet.
func (c *charm) publicKey() (string, error) {
	text, err := os.ReadFile(c.keyFile())
	if errors.Is(err, fs.ErrNotExist) {
		text, err = c.drawKey()
	}
	if err != nil {
		return "", err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))) + " " + c.event.Unit, nil
}

func (c *charm) drawKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, c.event.Unit)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	return text, keep(c.keyFile(), text)
}

// keep writes a file that is there as a whole or not at all, for root only.
func keep(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
