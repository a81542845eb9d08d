package pool

import (
	"context"
	"fmt"
	"slices"
)

// Publisher is a power that a [Backend] may have: to make images from instances.
type Publisher interface {
	// Publish makes an image from an instance, running or not, as it is when the
	// call begins. The instance goes on as before. After an error, also that of
	// ctx, there is no image, and nothing is left at the instance. Nothing of the
	// instance's config is in the image.
	Publish(ctx context.Context, o Order, p PublishImage) (*Image, error)
}

// PublishImage is an image to be made from an instance.
type PublishImage struct {
	NewImage
	Properties map[string]string `json:"properties,omitempty"`
	// Operator: the caller operates the daemon, so that the pool's spec has
	// nothing to allow. The border knows; it is never taken from a request.
	Operator bool `json:"-"`
}

// Publishers are those who may publish instances that they lease.
type Publishers string

// Who may publish. Operators always may.
const (
	PublishOperators Publishers = "operators"
	PublishHolders   Publishers = "holders"
)

func (p *PublishImage) validate() error {
	p.Aliases = slices.Clone(p.Aliases)
	if err := p.NewImage.validate(); err != nil {
		return err
	}
	return validateImageProperties(p.Properties)
}

// Publish makes an image from the instance of a running lease, in the project of
// its pool. When the lease ends first, there is none, with [ErrLeaseEnded].
// Holders need the spec's leave; without it the error is [ErrForbidden].
func (m *Manager) Publish(ctx context.Context, id LeaseID, p PublishImage) (*Image, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	return act(ctx, m, id, "publish an instance", func(ctx context.Context, power Publisher, s *session) (*Image, error) {
		if !p.Operator && s.order.Spec.Publish != PublishHolders {
			return nil, Errorf(ErrForbidden, "ask an operator to publish it, or to set publish=holders",
				"cannot publish instance %s: its pool %s leaves that to operators", s.order.Instance, s.lease.Pool)
		}
		if s.order.Remote != "" {
			return nil, Errorf(ErrRejected, fmt.Sprintf(`move it back with "lxd-pool move %s local:"`, id),
				"cannot publish instance %s: it was moved to remote %s, and pools are made from the images of their own LXD", s.order.Instance, s.order.Remote)
		}
		p.Project = s.order.Spec.Project
		return power.Publish(ctx, s.order, p)
	})
}

// PublishInstance makes an image from any instance of a project, also one that
// is none of a pool's. One that is leased is published through its lease.
func (m *Manager) PublishInstance(ctx context.Context, project string, name InstanceName, p PublishImage) (*Image, error) {
	power, err := powerOf[Publisher](m, "publish an instance")
	if err != nil {
		return nil, err
	}
	p.Project, p.Operator = project, true
	if err := p.validate(); err != nil {
		return nil, err
	}
	if id := m.leaseOn(ctx, name); id != "" {
		return m.Publish(ctx, id, p)
	}
	spec := Spec{Project: p.Project}.WithDefaults()
	return power.Publish(ctx, Order{Manager: m.env.manager, Instance: name, Spec: &spec}, p)
}

// leaseOn returns the running lease on an instance, "" if there is none.
func (m *Manager) leaseOn(ctx context.Context, name InstanceName) LeaseID {
	w, err := m.writer(name.pool())
	if err != nil {
		return ""
	}
	id, _ := read(ctx, w, func(t *turn) (LeaseID, error) {
		if in := t.x.Instances[name]; in != nil {
			return in.Lease, nil
		}
		return "", nil
	})
	return id
}
