package charms

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/lxd-pool/lxd-pool/charm/lease"
)

// sshServer lets in who has a key, and answers each command with the command
// itself and status 4.
type sshServer struct {
	*testing.T
	host ssh.Signer
	way  lease.SSH
}

func newSSHServer(t *testing.T, authorized string) *sshServer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	admitted, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() == "root" && string(key.Marshal()) == string(admitted.Marshal()) {
			return nil, nil
		}
		return nil, errors.New("not admitted")
	}}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &sshServer{T: t, host: host, way: lease.SSH{
		Address: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "root", HostKeys: []lease.HostKey{{Key: line(host)}},
	}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, config)
		}
	}()
	return s
}

func line(key ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
}

// serve speaks to one client. One that goes is none of our business.
func (s *sshServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, sessions, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for session := range sessions {
		channel, requests, err := session.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				if r.Type != "exec" {
					r.Reply(false, nil)
					continue
				}
				var what struct{ Command string }
				ssh.Unmarshal(r.Payload, &what)
				r.Reply(true, nil)
				channel.Write([]byte(what.Command))
				channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{4}))
				channel.Close()
			}
		}()
	}
}

func TestTheActionSSHTrustsTheKeysOfTheRelationAlone(t *testing.T) {
	need(t, "ssh", "openssh-client")
	u, d := newGoWeb(t), newDaemon(t)
	list := d.grant("web/0", "web", 1)
	name := string(list[0].Instance)
	u.Config["ssh"] = true
	u.answer("pool:1", d.api, list)
	u.hook("pool-relation-changed")
	asked := u.asked("pool:1")
	if len(asked) != 1 || !strings.HasPrefix(asked[0].SSHPublicKey, "ssh-ed25519 ") {
		t.Fatalf("it asks for %+v", asked)
	}
	u.hook("update-status")
	if again := u.asked("pool:1"); again[0] != asked[0] {
		t.Errorf("another key makes it another request: %+v became %+v", asked, again)
	}
	u.action("ssh", map[string]any{"command": "hostname"})
	if !strings.Contains(u.Failure, "there is no way in by ssh") {
		t.Errorf("without a way in it says %q", u.Failure)
	}

	s := newSSHServer(t, asked[0].SSHPublicKey)
	list[0].SSH = &s.way
	u.answer("pool:1", d.api, list)
	results := u.action("ssh", map[string]any{"command": []string{"echo", "it's"}})
	if results[name+".output"] != `'echo' 'it'\''s'` || results[name+".exit-status"] != "4" || u.Failure != "" {
		t.Errorf("the results are %v %q", results, u.Failure)
	}
	if shown := u.action("show", nil)[name+".ssh"]; shown != "root@127.0.0.1 port "+strconv.Itoa(s.way.Port) {
		t.Errorf("it shows %q", shown)
	}

	stranger := newSSHServer(t, asked[0].SSHPublicKey)
	s.way.HostKeys = []lease.HostKey{{Key: line(stranger.host)}}
	u.answer("pool:1", d.api, list)
	results = u.action("ssh", map[string]any{"command": "hostname"})
	if results[name+".output"] != "" || !strings.Contains(results[name+".error"], "Host key verification failed") {
		t.Errorf("of another host it says %v", results)
	}
}
