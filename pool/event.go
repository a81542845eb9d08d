package pool

import "time"

// Event tells that something happened. Events are for people and programs
// that watch; the engine itself never acts on one.
type Event struct {
	Time     time.Time    `json:"time"`
	Type     EventType    `json:"type"`
	Pool     PoolName     `json:"pool,omitempty"`
	Instance InstanceName `json:"instance,omitempty"`
	Lease    LeaseID      `json:"lease,omitempty"`
	// Holder is whose lease it is about; "" when it is about none.
	Holder Identity `json:"holder,omitempty"`
	// Message says it in a sentence, with the cause.
	Message string `json:"message,omitempty"`
}

// EventType is the kind of an event.
type EventType string

// The types of events.
const (
	PoolCreated     EventType = "pool-created"
	PoolChanged     EventType = "pool-changed"
	PoolDeleted     EventType = "pool-deleted"
	PoolReopened    EventType = "pool-reopened"
	InstanceState   EventType = "instance-state"
	InstanceMaking  EventType = "instance-making" // how far the making of one is
	InstanceGone    EventType = "instance-gone"
	InstanceMoving  EventType = "instance-moving"
	InstanceMoved   EventType = "instance-moved"
	InstanceLeaked  EventType = "instance-leaked"
	InstanceChanged EventType = "instance-changed" // by its holder: stopped, started, restored
	LeaseGranted    EventType = "lease-granted"
	LeaseRenewed    EventType = "lease-renewed"
	LeaseEnded      EventType = "lease-ended"
	WaitBegan       EventType = "wait-began"
	WaitLeft        EventType = "wait-left"
	CreationFailed  EventType = "creation-failed"
	CreationPaused  EventType = "creation-paused"
	CreationResumed EventType = "creation-resumed"
	BackendAway     EventType = "lxd-away"
	BackendBack     EventType = "lxd-back"
	ClockJumped     EventType = "clock-jumped"
	// EventsLost tells a slow watcher how many events it missed.
	EventsLost EventType = "events-lost"
)
