package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Access says who may use a route.
type Access string

// The rules, from the widest to the narrowest.
const (
	// Anyone who can connect.
	Anyone Access = "anyone"
	// Consumers may acquire, and see what is theirs; operators may too.
	Consumers Access = "consumers"
	// Holders of the lease in the path, whoever shows its token, and operators.
	// To everybody else the lease does not exist.
	Holders Access = "holders"
	// Operators are root and the members of the daemon's group.
	Operators Access = "operators"
)

// Operation names a route.
type Operation string

// The operations.
const (
	OpGetVersion     Operation = "getVersion"
	OpGetHealth      Operation = "getHealth"
	OpGetOpenAPI     Operation = "getOpenAPI"
	OpGetMetrics     Operation = "getMetrics"
	OpReload         Operation = "reload"
	OpListPools      Operation = "listPools"
	OpCreatePool     Operation = "createPool"
	OpGetPool        Operation = "getPool"
	OpPutPool        Operation = "putPool"
	OpPatchPool      Operation = "patchPool"
	OpDeletePool     Operation = "deletePool"
	OpResetPool      Operation = "resetPool"
	OpRefillPool     Operation = "refillPool"
	OpListPoolLeases Operation = "listPoolLeases"
	OpAcquire        Operation = "acquire"
	OpListLeases     Operation = "listLeases"
	OpGetLease       Operation = "getLease"
	OpRenewLease     Operation = "renewLease"
	OpReleaseLease   Operation = "releaseLease"
	OpHoldLease      Operation = "holdLease"
	OpEndHold        Operation = "endHold"
	OpExec           Operation = "exec"
	OpPullFile       Operation = "pullFile"
	OpPushFile       Operation = "pushFile"
	OpDeleteFile     Operation = "deleteFile"
	OpListFiles      Operation = "listFiles"
	OpPullTree       Operation = "pullTree"
	OpPushTree       Operation = "pushTree"
	OpMove           Operation = "move"
	OpForkLease      Operation = "forkLease"
	OpPower          Operation = "power"
	OpListSnapshots  Operation = "listSnapshots"
	OpCreateSnapshot Operation = "createSnapshot"
	OpRestore        Operation = "restoreSnapshot"
	OpDeleteSnapshot Operation = "deleteSnapshot"
	OpGetInfo        Operation = "getInfo"
	OpGetLog         Operation = "getLog"
	OpGetConsole     Operation = "getConsole"
	OpListInstances  Operation = "listInstances"
	OpEvents         Operation = "events"
	OpListRemotes    Operation = "listRemotes"
	OpAddRemote      Operation = "addRemote"
	OpGetRemote      Operation = "getRemote"
	OpPatchRemote    Operation = "patchRemote"
	OpRemoveRemote   Operation = "removeRemote"
	OpWhyAll         Operation = "whyAll"
	OpWhy            Operation = "why"

	OpDetach        Operation = "detach"
	OpListCommands  Operation = "listCommands"
	OpGetCommand    Operation = "getCommand"
	OpSignalCommand Operation = "signalCommand"
	OpDeleteCommand Operation = "deleteCommand"
	OpOutput        Operation = "getOutput"

	OpListProfiles  Operation = "listProfiles"
	OpCreateProfile Operation = "createProfile"
	OpGetProfile    Operation = "getProfile"
	OpPutProfile    Operation = "putProfile"
	OpPatchProfile  Operation = "patchProfile"
	OpDeleteProfile Operation = "deleteProfile"
	OpWhyLease      Operation = "whyLease"

	OpListImages       Operation = "listImages"
	OpCopyImage        Operation = "copyImage"
	OpImportImage      Operation = "importImage"
	OpPublishInstance  Operation = "publishInstance"
	OpGetImage         Operation = "getImage"
	OpPatchImage       Operation = "patchImage"
	OpDeleteImage      Operation = "deleteImage"
	OpExportImage      Operation = "exportImage"
	OpRefreshImage     Operation = "refreshImage"
	OpListImageAliases Operation = "listImageAliases"
	OpCreateImageAlias Operation = "createImageAlias"
	OpDeleteImageAlias Operation = "deleteImageAlias"
	OpPublish          Operation = "publish"
	OpListProjects     Operation = "listProjects"
	OpInitProject      Operation = "initProject"
	OpGetProject       Operation = "getProject"
	OpDeleteProject    Operation = "deleteProject"

	OpListTokens  Operation = "listTokens"
	OpCreateToken Operation = "createToken"
	OpGetToken    Operation = "getToken"
	OpRevokeToken Operation = "revokeToken"
)

// Route is one method on one path.
type Route struct {
	Operation Operation
	Method    string
	// Path has its variables in braces.
	Path    string
	Access  Access
	Summary string
	Query   []Param
	// Request and Answer are values of the types of the bodies; nil: none, or
	// no type of ours.
	Request any
	Answer  any
	// Upload is the type of a body of any size that is no value of ours; "": none.
	Upload string
	// Content is the type of the answer. "": application/json.
	Content string
	// Status is that of the answer. 0: 200.
	Status int
	// Progress: it can tell how far it is (see [ProgressType]).
	Progress bool
}

// Param is something that may stand behind the question mark.
type Param struct {
	Name    string
	Summary string
	// Access, if not "", is required besides that of the route when it is used.
	Access Access
}

// Routes is every route. The server serves this table, the client calls by it,
// and openapi.json is compared with it.
var Routes = []Route{
	{Operation: OpGetVersion, Method: http.MethodGet, Path: "/1.0", Access: Anyone,
		Summary: "Say what answers, and whom it takes the caller for", Answer: Version{}},
	{Operation: OpGetHealth, Method: http.MethodGet, Path: "/1.0/health", Access: Anyone,
		Summary: "Say whether the daemon serves and LXD answers; status 503 when not", Answer: Health{}},
	{Operation: OpGetOpenAPI, Method: http.MethodGet, Path: "/1.0/openapi.json", Access: Anyone,
		Summary: "Return this document"},
	{Operation: OpGetMetrics, Method: http.MethodGet, Path: "/metrics", Access: Consumers,
		Summary: "Return the figures of every pool, for Prometheus", Content: "text/plain"},
	{Operation: OpReload, Method: http.MethodPost, Path: "/1.0/reload", Access: Operators,
		Summary: "Read the configuration again; refused as a whole when any of it cannot be", Answer: Reloaded{}},

	{Operation: OpListPools, Method: http.MethodGet, Path: "/1.0/pools", Access: Consumers,
		Summary: "List the pools", Answer: []Pool{}},
	{Operation: OpCreatePool, Method: http.MethodPost, Path: "/1.0/pools", Access: Operators,
		Summary: "Make a pool", Request: CreatePool{}, Answer: Pool{}, Status: http.StatusCreated},
	{Operation: OpGetPool, Method: http.MethodGet, Path: "/1.0/pools/{pool}", Access: Consumers,
		Summary: "Show a pool; its ETag marks the spec", Answer: Pool{}},
	{Operation: OpPutPool, Method: http.MethodPut, Path: "/1.0/pools/{pool}", Access: Operators,
		Summary: "Replace the spec of a pool, if it still is the one that If-Match marks", Request: pool.Spec{}, Answer: Pool{}},
	{Operation: OpPatchPool, Method: http.MethodPatch, Path: "/1.0/pools/{pool}", Access: Operators,
		Summary: "Set keys of the spec of a pool, or disable or enable it", Request: EditPool{}, Answer: Pool{}},
	{Operation: OpDeletePool, Method: http.MethodDelete, Path: "/1.0/pools/{pool}", Access: Operators,
		Summary: "Delete a pool and its instances; answered when they are gone", Status: http.StatusNoContent, Progress: true,
		Query: []Param{{Name: "force", Summary: "if true, revoke its leases first"}}},
	{Operation: OpResetPool, Method: http.MethodPost, Path: "/1.0/pools/{pool}/reset", Access: Operators,
		Summary: "Replace every instance of a pool; leased ones when their leases end", Status: http.StatusNoContent},
	{Operation: OpRefillPool, Method: http.MethodPost, Path: "/1.0/pools/{pool}/refill", Access: Operators,
		Summary: "Try again at once whatever has failed; no error when nothing has", Status: http.StatusNoContent},

	{Operation: OpListPoolLeases, Method: http.MethodGet, Path: "/1.0/pools/{pool}/leases", Access: Consumers,
		Summary: "List the running leases of a pool; a consumer's own only", Answer: []Lease{}, Query: leaseFilters},
	{Operation: OpAcquire, Method: http.MethodPost, Path: "/1.0/pools/{pool}/leases", Access: Consumers,
		Summary: "Acquire leases; answered when all are granted, or the wait is over", Request: Acquire{}, Answer: []Lease{}, Status: http.StatusCreated},
	{Operation: OpListLeases, Method: http.MethodGet, Path: "/1.0/leases", Access: Consumers,
		Summary: "List the running leases of every pool; a consumer's own only", Answer: []Lease{}, Query: leaseFilters},
	{Operation: OpGetLease, Method: http.MethodGet, Path: "/1.0/leases/{lease}", Access: Holders,
		Summary: "Show a lease, for a day also after its end", Answer: Lease{}},
	{Operation: OpRenewLease, Method: http.MethodPatch, Path: "/1.0/leases/{lease}", Access: Holders,
		Summary: "Move the end of a lease; the answer is the truth", Request: Renew{}, Answer: Lease{}},
	{Operation: OpReleaseLease, Method: http.MethodDelete, Path: "/1.0/leases/{lease}", Access: Holders,
		Summary: "Release a lease, or revoke it with a reason", Answer: Lease{},
		Query: []Param{{Name: "reason", Summary: "revoke it, for this reason", Access: Operators}}},
	{Operation: OpHoldLease, Method: http.MethodPost, Path: "/1.0/leases/{lease}/hold", Access: Holders,
		Summary: "Keep the instance of a lease for a look after its end", Request: Hold{}, Answer: Lease{}},
	{Operation: OpEndHold, Method: http.MethodDelete, Path: "/1.0/leases/{lease}/hold", Access: Holders,
		Summary: "End the hold of the instance of a lease, also after the lease", Answer: Lease{}},
	{Operation: OpExec, Method: http.MethodGet, Path: "/1.0/leases/{lease}/exec", Access: Holders,
		Summary: "Run a command in the instance of a lease, over a websocket", Status: http.StatusSwitchingProtocols},
	{Operation: OpPower, Method: http.MethodPost, Path: "/1.0/leases/{lease}/power", Access: Holders, Progress: true,
		Summary: "Stop, start, restart, pause or resume the instance of a lease", Request: pool.PowerRequest{}, Answer: Lease{}},
	{Operation: OpListSnapshots, Method: http.MethodGet, Path: "/1.0/leases/{lease}/snapshots", Access: Holders,
		Summary: "List the snapshots taken through a lease, oldest first", Answer: []pool.Snapshot{}},
	{Operation: OpCreateSnapshot, Method: http.MethodPost, Path: "/1.0/leases/{lease}/snapshots", Access: Holders,
		Summary: "Take a snapshot of the instance of a lease", Request: CreateSnapshot{}, Answer: pool.Snapshot{}, Status: http.StatusCreated},
	{Operation: OpRestore, Method: http.MethodPost, Path: "/1.0/leases/{lease}/snapshots/{snapshot}/restore", Access: Holders, Progress: true,
		Summary: "Put the instance of a lease back to a snapshot", Answer: Lease{}},
	{Operation: OpDeleteSnapshot, Method: http.MethodDelete, Path: "/1.0/leases/{lease}/snapshots/{snapshot}", Access: Holders,
		Summary: "Delete a snapshot taken through a lease", Status: http.StatusNoContent},
	{Operation: OpGetInfo, Method: http.MethodGet, Path: "/1.0/leases/{lease}/info", Access: Holders,
		Summary: "Show what the instance of a lease is doing", Answer: pool.Info{}},
	{Operation: OpGetLog, Method: http.MethodGet, Path: "/1.0/leases/{lease}/log", Access: Holders,
		Summary: "Return the end of the log of the latest start of the instance of a lease", Content: "text/plain"},
	{Operation: OpGetConsole, Method: http.MethodGet, Path: "/1.0/leases/{lease}/console", Access: Holders,
		Summary: "Return the end of what the instance of a lease wrote to its console", Content: "text/plain"},

	{Operation: OpDetach, Method: http.MethodPost, Path: "/1.0/leases/{lease}/commands", Access: Holders,
		Summary: "Run a command that goes on without its caller; answered when it is noted", Request: Detach{}, Answer: pool.Detached{}, Status: http.StatusCreated},
	{Operation: OpListCommands, Method: http.MethodGet, Path: "/1.0/leases/{lease}/commands", Access: Holders,
		Summary: "List the detached commands of a lease, oldest first", Answer: []pool.Detached{}},
	{Operation: OpGetCommand, Method: http.MethodGet, Path: "/1.0/leases/{lease}/commands/{command}", Access: Holders,
		Summary: "Show a detached command", Answer: pool.Detached{},
		Query: []Param{{Name: "wait", Summary: "if true, answer when it has ended"}}},
	{Operation: OpSignalCommand, Method: http.MethodPost, Path: "/1.0/leases/{lease}/commands/{command}/signal", Access: Holders,
		Summary: "Send a signal to a detached command", Request: Signal{}, Status: http.StatusNoContent},
	{Operation: OpDeleteCommand, Method: http.MethodDelete, Path: "/1.0/leases/{lease}/commands/{command}", Access: Holders,
		Summary: "Kill a detached command if it runs, and forget it with its output", Status: http.StatusNoContent},
	{Operation: OpOutput, Method: http.MethodGet, Path: "/1.0/leases/{lease}/commands/{command}/output", Access: Holders,
		Summary: "Return what a detached command has written, as lines of JSON", Answer: OutputLine{}, Content: ProgressType,
		Query: []Param{{Name: "stream", Summary: "stdout or stderr only"}, {Name: "follow", Summary: "if true, until it has ended"}}},
	{Operation: OpPullFile, Method: http.MethodGet, Path: "/1.0/leases/{lease}/files", Access: Holders,
		Summary: "Return the content of a regular file in the instance of a lease; its header fields say what it is",
		Content: ContentType, Query: []Param{filePath}},
	{Operation: OpPushFile, Method: http.MethodPut, Path: "/1.0/leases/{lease}/files", Access: Holders,
		Summary: "Write a regular file in the instance of a lease, whole or not at all; of any size", Status: http.StatusNoContent,
		Upload: ContentType, Query: append([]Param{filePath, {Name: "mode", Summary: "in octal, such as 0644"}}, ownership...)},
	{Operation: OpDeleteFile, Method: http.MethodDelete, Path: "/1.0/leases/{lease}/files", Access: Holders,
		Summary: "Delete a file, a link or a directory in the instance of a lease", Status: http.StatusNoContent,
		Query: []Param{filePath, {Name: "recursive", Summary: "if true, also a directory and all that is in it"}}},
	{Operation: OpListFiles, Method: http.MethodGet, Path: "/1.0/leases/{lease}/files/list", Access: Holders,
		Summary: "List a directory in the instance of a lease, or one file", Answer: []File{}, Query: []Param{filePath}},
	{Operation: OpPullTree, Method: http.MethodGet, Path: "/1.0/leases/{lease}/files/tree", Access: Holders,
		Summary: "Return a file or a directory in the instance of a lease, with all that is in it, as a tar stream",
		Content: ArchiveType, Query: []Param{filePath}},
	{Operation: OpPushTree, Method: http.MethodPut, Path: "/1.0/leases/{lease}/files/tree", Access: Holders,
		Summary: "Make what is in a tar stream in a directory in the instance of a lease", Answer: pool.Transfer{},
		Upload: ArchiveType, Query: append([]Param{filePath}, ownership...)},
	{Operation: OpMove, Method: http.MethodPost, Path: "/1.0/leases/{lease}/move", Access: Holders, Progress: true,
		Summary: "Move the instance of a lease to another cluster member, or, for operators, to another LXD", Request: pool.Destination{}, Answer: Lease{}},
	{Operation: OpForkLease, Method: http.MethodPost, Path: "/1.0/leases/{lease}/fork", Access: Holders,
		Summary: "Lease copies of the instance of a lease to its holder; answered when all can be used", Request: Fork{}, Answer: []Lease{}, Status: http.StatusCreated},

	{Operation: OpListInstances, Method: http.MethodGet, Path: "/1.0/instances", Access: Consumers,
		Summary: "List the instances; those of a consumer's own leases only", Answer: []Instance{},
		Query: []Param{{Name: "pool", Summary: "only those of this pool"}}},
	{Operation: OpEvents, Method: http.MethodGet, Path: "/1.0/events", Access: Consumers,
		Summary: "Stream the events from now on, as server-sent events; those of a consumer's own leases only",
		Answer:  pool.Event{}, Content: "text/event-stream",
		Query: []Param{{Name: "pool", Summary: "only those of this pool"}}},
	{Operation: OpListRemotes, Method: http.MethodGet, Path: "/1.0/remotes", Access: Operators,
		Summary: "List the other servers that are known", Answer: []pool.Remote{}},
	{Operation: OpAddRemote, Method: http.MethodPost, Path: "/1.0/remotes", Access: Operators,
		Summary: "Make another server known, after it was talked to", Request: pool.NewRemote{}, Answer: pool.Remote{}, Status: http.StatusCreated},
	{Operation: OpGetRemote, Method: http.MethodGet, Path: "/1.0/remotes/{remote}", Access: Operators,
		Summary: "Show a remote, never its keys", Answer: pool.Remote{}},
	{Operation: OpPatchRemote, Method: http.MethodPatch, Path: "/1.0/remotes/{remote}", Access: Operators,
		Summary: "Rename a remote, or say where it is now", Request: EditRemote{}, Answer: pool.Remote{}},
	{Operation: OpRemoveRemote, Method: http.MethodDelete, Path: "/1.0/remotes/{remote}", Access: Operators,
		Summary: "Forget a remote that no pool needs", Status: http.StatusNoContent},

	{Operation: OpListImages, Method: http.MethodGet, Path: "/1.0/images", Access: Operators,
		Summary: "List the images in LXD's store, or on a remote", Answer: []pool.Image{},
		Query: []Param{inProject, onRemote, {Name: "filter", Summary: "KEY=VALUE, or part of an alias, a fingerprint or the description; all must fit"}}},
	{Operation: OpCopyImage, Method: http.MethodPost, Path: "/1.0/images", Access: Operators, Progress: true,
		Summary: "Fetch an image from a remote", Request: pool.CopyImage{}, Answer: pool.Image{}, Status: http.StatusCreated},
	{Operation: OpImportImage, Method: http.MethodPost, Path: "/1.0/images/import", Access: Operators,
		Summary: "Make an image from files, which are sent as multipart/form-data: image, metadata, rootfs", Answer: pool.Image{}, Status: http.StatusCreated},
	{Operation: OpPublishInstance, Method: http.MethodPost, Path: "/1.0/images/publish", Access: Operators, Progress: true,
		Summary: "Make an image from an instance", Request: PublishInstance{}, Answer: pool.Image{}, Status: http.StatusCreated},
	{Operation: OpListImageAliases, Method: http.MethodGet, Path: "/1.0/images/aliases", Access: Operators,
		Summary: "List the aliases in LXD's store", Answer: []pool.ImageAlias{}, Query: []Param{inProject}},
	{Operation: OpCreateImageAlias, Method: http.MethodPost, Path: "/1.0/images/aliases", Access: Operators,
		Summary: "Give an image one more name", Request: pool.ImageAlias{}, Answer: pool.ImageAlias{}, Status: http.StatusCreated, Query: []Param{inProject}},
	{Operation: OpDeleteImageAlias, Method: http.MethodDelete, Path: "/1.0/images/aliases/{alias}", Access: Operators,
		Summary: "Take a name away; the image stays", Status: http.StatusNoContent, Query: []Param{inProject, needed}},
	{Operation: OpGetImage, Method: http.MethodGet, Path: "/1.0/images/{image}", Access: Operators,
		Summary: "Show an image", Answer: pool.Image{}, Query: []Param{inProject, onRemote, {Name: "type", Summary: "container or virtual-machine, on an image server"}}},
	{Operation: OpPatchImage, Method: http.MethodPatch, Path: "/1.0/images/{image}", Access: Operators,
		Summary: "Set properties of an image, or whether it is public or updates itself", Request: pool.ImageEdit{}, Answer: pool.Image{}, Query: []Param{inProject}},
	{Operation: OpDeleteImage, Method: http.MethodDelete, Path: "/1.0/images/{image}", Access: Operators,
		Summary: "Delete an image that no pool needs", Status: http.StatusNoContent, Query: []Param{inProject, needed}},
	{Operation: OpExportImage, Method: http.MethodGet, Path: "/1.0/images/{image}/export", Access: Operators,
		Summary: "Return the file of an image, or as multipart/form-data its two", Content: "application/octet-stream", Query: []Param{inProject}},
	{Operation: OpRefreshImage, Method: http.MethodPost, Path: "/1.0/images/{image}/refresh", Access: Operators, Progress: true,
		Summary: "Fetch an image anew if there is another one where it came from", Answer: RefreshedImage{}, Query: []Param{inProject}},
	{Operation: OpPublish, Method: http.MethodPost, Path: "/1.0/leases/{lease}/publish", Access: Holders, Progress: true,
		Summary: "Make an image from the instance of a lease; for holders if the spec allows it", Request: Publish{}, Answer: pool.Image{}, Status: http.StatusCreated},

	{Operation: OpWhyAll, Method: http.MethodGet, Path: "/1.0/why", Access: Consumers,
		Summary: "Explain every pool that has a problem", Answer: []pool.Explanation{}},
	{Operation: OpWhy, Method: http.MethodGet, Path: "/1.0/why/{subject}", Access: Consumers,
		Summary: "Explain a pool, a lease or an instance", Answer: []pool.Explanation{}},

	{Operation: OpListProfiles, Method: http.MethodGet, Path: "/1.0/profiles", Access: Operators,
		Summary: "List the profiles of an LXD project, with the pools that use them", Answer: []Profile{}, Query: projectFilter},
	{Operation: OpCreateProfile, Method: http.MethodPost, Path: "/1.0/profiles", Access: Operators,
		Summary: "Make a profile", Request: pool.Profile{}, Answer: Profile{}, Status: http.StatusCreated, Query: projectFilter},
	{Operation: OpGetProfile, Method: http.MethodGet, Path: "/1.0/profiles/{profile}", Access: Operators,
		Summary: "Show a profile; its ETag marks the content", Answer: Profile{}, Query: projectFilter},
	{Operation: OpPutProfile, Method: http.MethodPut, Path: "/1.0/profiles/{profile}", Access: Operators,
		Summary: "Replace the content of a profile, if it still is the one that If-Match marks", Request: pool.Profile{}, Answer: Profile{}, Query: projectFilter},
	{Operation: OpPatchProfile, Method: http.MethodPatch, Path: "/1.0/profiles/{profile}", Access: Operators,
		Summary: "Set keys of a profile", Request: EditProfile{}, Answer: Profile{}, Query: projectFilter},
	{Operation: OpDeleteProfile, Method: http.MethodDelete, Path: "/1.0/profiles/{profile}", Access: Operators,
		Summary: "Delete a profile that nothing uses", Status: http.StatusNoContent, Query: projectFilter},
	{Operation: OpWhyLease, Method: http.MethodGet, Path: "/1.0/leases/{lease}/why", Access: Holders,
		Summary: "Explain a lease, also to whoever has its token", Answer: []pool.Explanation{}},

	{Operation: OpListProjects, Method: http.MethodGet, Path: "/1.0/projects", Access: Operators,
		Summary: "List the projects of LXD, with the pools in them", Answer: []pool.Project{}},
	{Operation: OpInitProject, Method: http.MethodPost, Path: "/1.0/projects", Access: Operators,
		Summary: "Make a restricted project for pools, or change the limits of one that was made so", Request: InitProject{}, Answer: pool.Project{}},
	{Operation: OpGetProject, Method: http.MethodGet, Path: "/1.0/projects/{project}", Access: Operators,
		Summary: "Show a project of LXD", Answer: pool.Project{}},
	{Operation: OpDeleteProject, Method: http.MethodDelete, Path: "/1.0/projects/{project}", Access: Operators,
		Summary: "Delete a project that was made for pools and is empty", Status: http.StatusNoContent},

	{Operation: OpListTokens, Method: http.MethodGet, Path: "/1.0/tokens", Access: Operators,
		Summary: "List the named tokens, those that have ended too; never their secrets", Answer: []pool.NamedToken{}},
	{Operation: OpCreateToken, Method: http.MethodPost, Path: "/1.0/tokens", Access: Operators,
		Summary: "Make a named token; the only answer with its secret", Request: pool.NewToken{}, Answer: MadeToken{}, Status: http.StatusCreated},
	{Operation: OpGetToken, Method: http.MethodGet, Path: "/1.0/tokens/{token}", Access: Operators,
		Summary: "Show a named token, but not its secret", Answer: pool.NamedToken{}},
	{Operation: OpRevokeToken, Method: http.MethodDelete, Path: "/1.0/tokens/{token}", Access: Operators,
		Summary: "End a named token, and what its users have under way", Answer: pool.NamedToken{},
		Query: []Param{{Name: "leases", Summary: "if true, revoke the leases of its holder too"}}},
}

var projectFilter = []Param{{Name: "project", Summary: "the LXD project; default if it is left out"}}

// What many routes about images take.
var (
	inProject = projectFilter[0]
	onRemote  = Param{Name: "remote", Summary: "of this remote, in place of LXD's store"}
	needed    = Param{Name: "force", Summary: "if true, also when a pool needs it"}
)

// filePath says which file a route is about.
var filePath = Param{Name: "path", Summary: "absolute, of any bytes but 0"}

// ownership is how files are pushed.
var ownership = []Param{
	{Name: "uid", Summary: "the number of the owner"},
	{Name: "gid", Summary: "the number of the group"},
	{Name: "parents", Summary: "if true, make the directories above that are missing"},
}

var leaseFilters = []Param{
	{Name: "mine", Summary: "if true, only the caller's own"},
	{Name: "request", Summary: "only those that were got with this request id: the caller's own, or those of holder"},
	{Name: "holder", Summary: "only those of this holder; a consumer finds only its own"},
}

// Route returns the route of an operation.
func (op Operation) Route() *Route {
	for i := range Routes {
		if Routes[i].Operation == op {
			return &Routes[i]
		}
	}
	panic("no route for " + string(op))
}

// At returns the path with its variables filled in, in order.
func (r *Route) At(values ...string) string {
	path := r.Path
	for _, value := range values {
		open, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		path = path[:open] + url.PathEscape(value) + path[end+1:]
	}
	return path
}
