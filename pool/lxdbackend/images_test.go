package lxdbackend_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// gallery is where a test keeps images: a project of its own, so that what is
// there is its alone.
type gallery struct {
	*room
	project string
	lxc     lxc
}

// hang makes a project with images of its own, which goes at the end.
func hang(t *testing.T) *gallery {
	t.Helper()
	r := alone(t)
	g := &gallery{room: r, project: "lxd-pool-" + string(pool.NewManagerID()), lxc: admin(t)}
	g.lxc.ask(http.MethodPost, "/1.0/projects", api.ProjectsPost{Name: g.project, ProjectPut: api.ProjectPut{
		Config: map[string]string{"features.images": "true", "features.profiles": "false"},
	}})
	t.Cleanup(func() {
		here := g.lxc.server.UseProject(g.project)
		list, err := here.GetImageFingerprints()
		for _, fingerprint := range list {
			g.lxc.ask(http.MethodDelete, "/1.0/images/"+fingerprint+"?project="+g.project, nil)
		}
		if err == nil {
			err = here.DeleteProject(g.project, false)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *gallery) ref(name string) pool.ImageRef {
	return pool.ImageRef{Project: g.project, Name: name, Type: pool.Container}
}

// all are the aliases and fingerprints in the gallery.
func (g *gallery) all() []pool.Image {
	g.Helper()
	list, err := g.b.Images(g.Context(), "", g.project)
	g.must(err)
	return list
}

func (g *gallery) isEmpty(after string) {
	g.Helper()
	if list := g.all(); len(list) != 0 {
		g.Errorf("after %s there is %+v", after, list)
	}
	if aliases, err := g.b.ImageAliases(g.Context(), g.project); err != nil || len(aliases) != 0 {
		g.Errorf("after %s there are the aliases %+v, %v", after, aliases, err)
	}
}

// pack makes the file of a small image that nobody has.
func pack(t *testing.T) []byte {
	t.Helper()
	return archive(t, map[string]string{
		"metadata.yaml":   "architecture: x86_64\ncreation_date: 1\nproperties:\n  os: toy\n  description: a toy " + rand.Text() + "\n",
		"rootfs/etc/motd": "hello\n",
	})
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	to := tar.NewWriter(packed)
	for name, text := range files {
		if err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(to, text)
	}
	if err := errors.Join(to.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (g *gallery) importOne(packed []byte, aliases ...string) *pool.Image {
	g.Helper()
	made, err := g.b.ImportImage(g.Context(), pool.ImportImage{
		NewImage: pool.NewImage{Project: g.project, Aliases: aliases}, Metadata: bytes.NewReader(packed),
	})
	g.must(err)
	return made
}

// files collects the files of an image.
type files map[pool.ImagePart]*bytes.Buffer

func (f files) open(file pool.ImageFile) (io.Writer, error) {
	f[file.Part] = new(bytes.Buffer)
	return f[file.Part], nil
}

func TestAnImageOfOneFileComesBackAsItWas(t *testing.T) {
	t.Parallel()
	g := hang(t)
	packed := pack(t)
	var told []pool.Progress
	ctx := pool.WithProgress(t.Context(), func(p pool.Progress) { told = append(told, p) })
	made, err := g.b.ImportImage(ctx, pool.ImportImage{
		NewImage:   pool.NewImage{Project: g.project, Aliases: []string{"toy", "toy/1"}, Public: true},
		Properties: map[string]string{"flavour": "sweet & sour=yes"}, Metadata: bytes.NewReader(packed), Size: int64(len(packed)),
	})
	g.must(err)
	if made.Properties["flavour"] != "sweet & sour=yes" || made.Properties["os"] != "toy" || !made.Public ||
		!slices.Equal(made.Aliases, []string{"toy", "toy/1"}) || made.Size != int64(len(packed)) || made.Type != pool.Container || made.Architecture != "x86_64" {
		t.Errorf("it is %+v", made)
	}
	if len(told) == 0 || !slices.ContainsFunc(told, func(p pool.Progress) bool { return p.Done == int64(len(packed)) && p.Total == p.Done }) {
		t.Errorf("told %+v", told)
	}
	got := files{}
	g.must(g.b.ExportImage(t.Context(), g.ref("toy"), got.open))
	if len(got) != 1 || !bytes.Equal(got[pool.WholeImage].Bytes(), packed) {
		t.Errorf("it came back as %v", got)
	}
	_, err = g.b.ImportImage(t.Context(), pool.ImportImage{NewImage: pool.NewImage{Project: g.project, Aliases: []string{"again"}}, Metadata: bytes.NewReader(packed)})
	if !errors.Is(err, pool.ErrExists) || !strings.Contains(err.Error(), "the very same image") {
		t.Errorf("once more: %v", err)
	}
	if list := g.all(); len(list) != 1 || len(list[0].Aliases) != 2 {
		t.Errorf("then there is %+v", list)
	}
}

func TestAnImageOfTwoFilesComesBackAsItWas(t *testing.T) {
	t.Parallel()
	g := hang(t)
	got := files{}
	g.must(g.b.ExportImage(t.Context(), pool.ImageRef{Project: "default", Name: debian}, got.open))
	if len(got) != 2 || got[pool.ImageRootfs].Len() < 1<<20 {
		t.Fatalf("the image has %v", got)
	}
	made, err := g.b.ImportImage(t.Context(), pool.ImportImage{
		NewImage: pool.NewImage{Project: g.project, Aliases: []string{"debian"}},
		Metadata: got[pool.ImageMetadata], Rootfs: got[pool.ImageRootfs],
	})
	g.must(err)
	if want, err := g.b.Image(t.Context(), pool.ImageRef{Project: "default", Name: debian}); err != nil || want.Fingerprint != made.Fingerprint {
		t.Errorf("it is %+v, and was %+v, %v", made, want, err)
	}
}

// endless is a reader that never ends, until it is read for the nth time.
type endless struct {
	left int
	then func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left--; e.left == 0 {
		e.then()
	}
	return len(p), nil
}

func TestAnImportThatFailsOrIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	g := hang(t)
	taken := g.importOne(pack(t), "taken")
	for name, c := range map[string]struct {
		i    pool.ImportImage
		kind error
		says string
	}{
		"no image":      {pool.ImportImage{Metadata: strings.NewReader("no image")}, pool.ErrRejected, ""},
		"no metadata":   {pool.ImportImage{Metadata: bytes.NewReader(archive(t, map[string]string{"etc/motd": "x"}))}, pool.ErrRejected, ""},
		"nothing":       {pool.ImportImage{Metadata: strings.NewReader("")}, pool.ErrRejected, ""},
		"no root":       {pool.ImportImage{Metadata: bytes.NewReader(pack(t)), Rootfs: strings.NewReader("no root")}, pool.ErrRejected, "neither"},
		"a taken alias": {pool.ImportImage{NewImage: pool.NewImage{Aliases: []string{"free", "taken"}}, Metadata: bytes.NewReader(pack(t))}, pool.ErrExists, `"taken"`},
		"no project":    {pool.ImportImage{NewImage: pool.NewImage{Project: "nope"}, Metadata: bytes.NewReader(pack(t))}, pool.ErrNotFound, "nope"},
	} {
		if c.i.Project == "" {
			c.i.Project = g.project
		}
		_, err := g.b.ImportImage(t.Context(), c.i)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := g.b.ImportImage(ctx, pool.ImportImage{
		NewImage: pool.NewImage{Project: g.project, Aliases: []string{"never"}}, Metadata: &endless{left: 100, then: cancel},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if list := g.all(); len(list) != 1 || list[0].Fingerprint != taken.Fingerprint {
		t.Errorf("then there is %+v", list)
	}
	g.must(g.b.DeleteImage(t.Context(), g.ref("taken")))
	g.isEmpty("all of it")
}

func TestAnImageIsChangedFoundAndDeleted(t *testing.T) {
	t.Parallel()
	g := hang(t)
	made := g.importOne(pack(t), "toy")
	yes := true
	changed, err := g.b.EditImage(t.Context(), g.ref("toy"), pool.ImageEdit{Properties: map[string]string{"os": "", "release": "2"}, Public: &yes})
	g.must(err)
	if _, there := changed.Properties["os"]; there || changed.Properties["release"] != "2" || changed.Properties["description"] == "" || !changed.Public {
		t.Errorf("it is %+v", changed)
	}
	if _, err := g.b.EditImage(t.Context(), g.ref("toy"), pool.ImageEdit{AutoUpdate: &yes}); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("it came from nowhere: %v", err)
	}
	if _, err := g.b.RefreshImage(t.Context(), g.ref("toy")); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("it came from nowhere: %v", err)
	}
	alias, err := g.b.CreateImageAlias(t.Context(), g.project, pool.ImageAlias{Name: "toy/2", Description: "again", Image: "toy"})
	g.must(err)
	if alias.Image != made.Fingerprint {
		t.Errorf("the alias is %+v", alias)
	}
	if _, err := g.b.CreateImageAlias(t.Context(), g.project, pool.ImageAlias{Name: "toy/2", Image: "toy"}); !errors.Is(err, pool.ErrExists) {
		t.Errorf("once more: %v", err)
	}
	if list, err := g.b.ImageAliases(t.Context(), g.project); err != nil || len(list) != 2 {
		t.Errorf("the aliases are %+v, %v", list, err)
	}
	g.must(g.b.DeleteImageAlias(t.Context(), g.project, "toy"))
	for _, err := range []error{
		g.b.DeleteImageAlias(t.Context(), g.project, "toy"), g.b.DeleteImage(t.Context(), g.ref("toy")), g.b.DeleteImage(t.Context(), g.ref("../x")),
		second2(g.b.CreateImageAlias(t.Context(), g.project, pool.ImageAlias{Name: "x", Image: "toy"})),
	} {
		if !errors.Is(err, pool.ErrNotFound) {
			t.Error(err)
		}
	}
	g.must(g.b.DeleteImage(t.Context(), g.ref(made.Fingerprint[:12])))
	g.isEmpty("its deletion")
}

func second2[T any](_ T, err error) error { return err }

func TestAnImageIsCopiedFromAnImageServer(t *testing.T) {
	t.Parallel()
	g := hang(t)
	server := serveImages(t)
	g.b = server.known(g.room, t.TempDir())
	copied := pool.CopyImage{NewImage: pool.NewImage{Project: g.project, Aliases: []string{"mine"}}, Remote: "toys", Image: "toy", Type: pool.Container, AutoUpdate: true, CopyAliases: true}
	var told []pool.Progress
	made, err := g.b.CopyImage(pool.WithProgress(t.Context(), func(p pool.Progress) { told = append(told, p) }), copied)
	g.must(err)
	if made.Fingerprint != server.fingerprint || !made.AutoUpdate || made.Source == nil || made.Source.Alias != "toy" || made.Cached ||
		!slices.Contains(made.Aliases, "mine") || !slices.Contains(made.Aliases, "toy/1") {
		t.Errorf("it is %+v, from %+v", made, made.Source)
	}
	if len(told) == 0 {
		t.Error("nothing was told")
	}
	if refreshed, err := g.b.RefreshImage(t.Context(), g.ref("mine")); refreshed || err != nil {
		t.Errorf("there is no newer one, and it was refreshed: %v, %v", refreshed, err)
	}
	if _, err := g.b.CopyImage(t.Context(), copied); !errors.Is(err, pool.ErrExists) {
		t.Errorf("once more, under the same alias: %v", err)
	}
	copied.Aliases, copied.CopyAliases = []string{"other"}, false
	if again, err := g.b.CopyImage(t.Context(), copied); err != nil || !slices.Contains(again.Aliases, "other") || !slices.Contains(again.Aliases, "mine") {
		t.Errorf("once more, under another: %+v, %v", again, err)
	}
	list, err := g.b.Images(t.Context(), "toys", "default")
	if err != nil || len(list) != 2 {
		t.Errorf("the server has %+v, %v", list, err)
	}
	if shown, err := g.b.Image(t.Context(), pool.ImageRef{Remote: "toys", Name: "toy", Type: pool.Container}); err != nil || shown.Fingerprint != server.fingerprint || shown.Size == 0 {
		t.Errorf("it is shown as %+v, %v", shown, err)
	}
	g.must(g.b.DeleteImage(t.Context(), g.ref("mine")))
	for name, c := range map[string]pool.CopyImage{"no image": {Remote: "toys", Image: "nope"}, "no remote": {Remote: "nope", Image: "toy"}} {
		c.Project, c.Type = g.project, pool.Container
		if _, err := g.b.CopyImage(t.Context(), c); !errors.Is(err, pool.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.isEmpty("the deletion")
}

func TestACopyThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	g := hang(t)
	server := serveImages(t)
	g.b = server.known(g.room, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server.hold(cancel)
	_, err := g.b.CopyImage(ctx, pool.CopyImage{NewImage: pool.NewImage{Project: g.project, Aliases: []string{"mine"}}, Remote: "toys", Image: "toy", Type: pool.Container})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	g.isEmpty("it was given up")
}

func TestAnImageIsCopiedFromAnotherLXD(t *testing.T) {
	there, lxc := second(t)
	g := hang(t)
	g.b = g.keeping(t.TempDir())
	_, err := g.b.AddRemote(t.Context(), pool.NewRemote{Name: "lab", URL: there.url, Password: "lxd-pool", AcceptCertificate: true})
	g.must(err)
	copied := pool.CopyImage{NewImage: pool.NewImage{Project: g.project, Aliases: []string{"mine"}}, Remote: "lab", Image: busybox, Type: pool.Container}
	made, err := g.b.CopyImage(t.Context(), copied)
	g.must(err)
	alias, _, err := lxc.server.GetImageAlias(busybox)
	g.must(err)
	if made.Fingerprint != alias.Target || !slices.Equal(made.Aliases, []string{"mine"}) {
		t.Errorf("it is %+v", made)
	}
	g.must(g.b.DeleteImage(t.Context(), g.ref("mine")))
	copied.AutoUpdate = true
	if _, err := g.b.CopyImage(t.Context(), copied); !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "public") {
		t.Errorf("a private one cannot be kept up to date: %v", err)
	}
	if list, err := g.b.Images(t.Context(), "lab", "default"); err != nil || len(list) == 0 {
		t.Errorf("the other has %+v, %v", list, err)
	}
	g.isEmpty("its deletion")
}

func TestAnInstanceIsPublishedWhileItRunsAndWhenItIsStopped(t *testing.T) {
	t.Parallel()
	g := hang(t)
	o := g.order(busybox)
	g.create(o)
	g.start(o)
	g.run(o, "echo mine >/etc/motd")
	for _, running := range []bool{true, false} {
		name := fmt.Sprint("running-", running)
		if !running {
			g.lxc.state(o.Instance, "stop")
		}
		made, err := g.b.Publish(t.Context(), o, pool.PublishImage{
			NewImage: pool.NewImage{Project: "default", Aliases: []string{"lxd-pool-test/" + name}, Public: true}, Properties: map[string]string{"os": "mine", "note": name},
		})
		g.must(err)
		t.Cleanup(func() { g.lxc.ask(http.MethodDelete, "/1.0/images/"+made.Fingerprint, nil) })
		if made.Properties["os"] != "mine" || !made.Public || len(made.Aliases) != 1 || strings.Contains(fmt.Sprint(made.Properties), "lxd-pool.") {
			t.Errorf("it is %+v", made)
		}
		if left := g.lxc.snapshots(o.Instance); len(left) != 0 {
			t.Errorf("it has the snapshots %v", left)
		}
	}
	_, err := g.b.Publish(t.Context(), o, pool.PublishImage{NewImage: pool.NewImage{Project: "default", Aliases: []string{"lxd-pool-test/running-true"}}})
	if !errors.Is(err, pool.ErrExists) {
		t.Errorf("a taken alias: %v", err)
	}
	missing := o
	missing.Instance = "lxdbackend-nope"
	if _, err := g.b.Publish(t.Context(), missing, pool.PublishImage{NewImage: pool.NewImage{Project: "default"}}); !errors.Is(err, pool.ErrNoInstance) {
		t.Errorf("no instance: %v", err)
	}

	// What is made of it has what was written, and none of our tags but its own.
	other := alone(t)
	again := other.order("lxd-pool-test/running-true")
	other.create(again)
	other.start(again)
	if text := other.run(again, "cat /etc/motd; hostname"); text != "mine\n"+string(again.Instance) {
		t.Errorf("it says %q", text)
	}
	if in := g.lxc.get(again.Instance); in.Config["user.lxd-pool.manager"] != string(other.manager) {
		t.Errorf("its config is %v", in.Config)
	}
	g.lxc.ask(http.MethodPost, "/1.0/instances", api.InstancesPost{
		Name: g.project, Source: api.InstanceSource{Type: "image", Alias: "lxd-pool-test/running-true"}, InstancePut: api.InstancePut{Profiles: []string{"default"}},
	})
	defer g.lxc.ask(http.MethodDelete, "/1.0/instances/"+g.project, nil)
	for key := range g.lxc.get(pool.InstanceName(g.project)).Config {
		if strings.HasPrefix(key, "user.") {
			t.Errorf("a plain instance of it has %s", key)
		}
	}
}

func TestAPublicationThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	g := hang(t)
	o := g.order(busybox)
	g.create(o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := func(p pool.Progress) {
		if p.Stage == "packing the image" {
			cancel()
		}
	}
	_, err := g.b.Publish(pool.WithProgress(ctx, begun), o, pool.PublishImage{NewImage: pool.NewImage{Project: "default", Aliases: []string{"lxd-pool-test/never"}}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left := g.lxc.snapshots(o.Instance); len(left) != 0 {
		t.Errorf("it has the snapshots %v", left)
	}
	list, err := g.b.Images(t.Context(), "", "default")
	g.must(err)
	for _, image := range list {
		if image.Properties["name"] == string(o.Instance) || slices.Contains(image.Aliases, "lxd-pool-test/never") || len(image.Aliases) == 0 && !image.Cached {
			t.Errorf("there is %+v", image)
		}
	}
}
