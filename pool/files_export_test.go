package pool

// PushTree is how a tree is pushed, for tests that need no lease for it.
var PushTree = pushTree
