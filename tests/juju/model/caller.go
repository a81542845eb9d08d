package model

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/juju/charm/v12/resource"
	"github.com/juju/juju/api/base"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"
	"gopkg.in/httprequest.v1"
)

// caller is the connection of one agent to the controller. A request goes to
// the method of its name, of the facade that is named; one that is not there
// fails as it does on a controller that does not know it.
type caller struct {
	base.APICaller // the rest of the interface: nobody may call it

	m       *Model
	unit    string
	mu      sync.Mutex
	next    int
	watches map[string]chan struct{}
}

func newCaller(m *Model, unit string) *caller {
	return &caller{m: m, unit: unit, watches: map[string]chan struct{}{}}
}

// APICall answers one request.
func (c *caller) APICall(facade string, _ int, id, request string, args, response any) error {
	switch facade {
	case "Uniter":
		c.m.mu.Lock()
		defer c.m.mu.Unlock()
		u, err := c.m.known(c.unit)
		if err != nil {
			return err
		}
		return invoke(&uniterFacade{m: c.m, u: u, c: c}, request, args, response)
	case "PayloadsHookContext":
		return invoke(payloadFacade{}, request, args, response)
	case "ResourcesHookContext":
		c.m.mu.Lock()
		defer c.m.mu.Unlock()
		return invoke(&resourceFacade{m: c.m, unit: c.unit}, request, args, response)
	case "NotifyWatcher":
		return c.watch(id, request)
	}
	return &params.Error{Message: "unknown facade " + facade, Code: params.CodeNotImplemented}
}

// invoke calls the method that is named as the request.
func invoke(facade any, request string, args, response any) error {
	method := reflect.ValueOf(facade).MethodByName(request)
	if !method.IsValid() {
		return &params.Error{Message: fmt.Sprintf("no such request %q", request), Code: params.CodeNotImplemented}
	}
	var in []reflect.Value
	if method.Type().NumIn() == 1 {
		arg := reflect.Indirect(reflect.ValueOf(args))
		if arg.Type() != method.Type().In(0) {
			return fmt.Errorf("%s wants %s, not %s", request, method.Type().In(0), arg.Type())
		}
		in = append(in, arg)
	}
	out := method.Call(in)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		return err
	}
	if response != nil && len(out) == 2 {
		reflect.ValueOf(response).Elem().Set(out[0])
	}
	return nil
}

// newWatch makes a watcher that has something to tell once, when it is made.
// What happens after that agents see in their snapshots.
func (c *caller) newWatch() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	id := fmt.Sprint(c.next)
	c.watches[id] = make(chan struct{})
	return id
}

func (c *caller) watch(id, request string) error {
	c.mu.Lock()
	stopped, ok := c.watches[id]
	if ok && request == "Stop" {
		delete(c.watches, id)
		close(stopped)
	}
	c.mu.Unlock()
	if !ok {
		return &params.Error{Message: "watcher was stopped", Code: params.CodeStopped}
	}
	if request == "Next" {
		<-stopped
		return &params.Error{Message: "watcher was stopped", Code: params.CodeStopped}
	}
	return nil
}

// BestFacadeVersion is that of Juju 3.6.
func (c *caller) BestFacadeVersion(facade string) int {
	if facade == "Uniter" {
		return 20
	}
	return 1
}

// ModelTag names the model.
func (c *caller) ModelTag() (names.ModelTag, bool) { return c.m.tag(), true }

// Context never ends.
func (c *caller) Context() context.Context { return context.Background() }

// HTTPClient is what resources are downloaded with.
func (c *caller) HTTPClient() (*httprequest.Client, error) {
	return &httprequest.Client{BaseURL: "http://controller", Doer: c}, nil
}

// Do answers the download of a resource.
func (c *caller) Do(req *http.Request) (*http.Response, error) {
	file, err := c.m.resourceFile(c.unit, path.Base(req.URL.Path))
	if err != nil {
		body, _ := json.Marshal(params.Error{Message: err.Error(), Code: params.CodeNotFound})
		return &http.Response{
			StatusCode: http.StatusNotFound, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(string(body))), Request: req,
		}, nil
	}
	data, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/octet-stream"}},
		Body: data, Request: req,
	}, nil
}

// resourceFile is the file that was attached under a name.
func (m *Model) resourceFile(unit, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.known(unit)
	if err != nil {
		return "", err
	}
	if file, ok := u.app.resource[name]; ok {
		return file, nil
	}
	return "", fmt.Errorf("resource#%s/%s not found", u.app.Name, name)
}

// resourceFacade tells about resources.
type resourceFacade struct {
	m    *Model
	unit string
}

// GetResourceInfo describes resources that are attached.
func (f *resourceFacade) GetResourceInfo(args params.ListUnitResourcesArgs) (params.UnitResourcesResult, error) {
	u, err := f.m.known(f.unit)
	if err != nil {
		return params.UnitResourcesResult{}, err
	}
	var result params.UnitResourcesResult
	for _, name := range args.ResourceNames {
		meta := u.app.charm.Meta().Resources[name]
		data, err := os.ReadFile(u.app.resource[name])
		if err != nil {
			return result, err
		}
		print := sha512.Sum384(data)
		fingerprint, err := resource.NewFingerprint(print[:])
		if err != nil {
			return result, err
		}
		result.Resources = append(result.Resources, params.UnitResourceResult{Resource: params.Resource{
			ID: u.app.Name + "/" + name, ApplicationID: u.app.Name, Username: "admin", Timestamp: time.Unix(0, 0).UTC(),
			CharmResource: params.CharmResource{
				Name: name, Type: "file", Path: meta.Path, Description: meta.Description,
				Origin: "upload", Fingerprint: fingerprint.Bytes(), Size: int64(len(data)),
			},
		}})
	}
	return result, nil
}

// payloadFacade knows of no payloads: Juju has given them up.
type payloadFacade struct{}

// List lists none.
func (payloadFacade) List(params.Entities) (params.PayloadResults, error) {
	return params.PayloadResults{}, nil
}
