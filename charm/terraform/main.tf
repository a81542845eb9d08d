resource "juju_application" "lxd_pool" {
  name        = var.app_name
  model_uuid  = var.model_uuid
  units       = var.units
  config      = var.config
  constraints = var.constraints
  resources   = var.resources

  charm {
    name     = "lxd-pool"
    base     = var.base
    channel  = var.channel
    revision = var.revision
  }
}
