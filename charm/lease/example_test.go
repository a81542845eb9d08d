package lease_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// What a charm does in every event: say what its unit needs, look at what there
// is, and use it. Leases come in further events, one by one.
func ExampleRequirer() {
	ctx := context.Background()
	event := hooktool.ThisEvent()
	machines := lease.Requirer{Endpoint: "pool", Unit: event.Unit}
	if err := machines.Ask(ctx, lease.Request{ID: "web", Count: 3, Purpose: "tests"}); err != nil {
		log.Fatal(err)
	}
	granted, problems, err := machines.Granted(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range problems {
		fmt.Println(p.Code, p.Reason, p.Next)
	}
	for _, g := range granted {
		api := g.Client()
		status, err := api.Exec(ctx, g.ID, pool.Command{Args: []string{"hostname"}, Stdout: os.Stdout})
		fmt.Println(g.Instance, status, err)
		api.Close()
	}
}

func ExampleRequestsBag() {
	bag, err := lease.RequestsBag([]lease.Request{{ID: "web", Count: 3, Purpose: "tests"}})
	fmt.Println(bag[lease.RequestsKey], err)
	// Output: [{"id":"web","count":3,"purpose":"tests"}] <nil>
}

func ExampleSSH_KnownHosts() {
	way := &lease.SSH{Address: "10.1.2.3", Port: 20000, User: "root", HostKeys: []lease.HostKey{{Key: "ssh-ed25519 AAAA"}}}
	fmt.Print(way.KnownHosts())
	// Output: [10.1.2.3]:20000 ssh-ed25519 AAAA
}
