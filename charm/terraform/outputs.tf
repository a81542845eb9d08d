output "app_name" {
  description = "Name of the application."
  value       = juju_application.lxd_pool.name
}

output "application" {
  description = "The application as it is deployed."
  value       = juju_application.lxd_pool
}

output "provides" {
  description = "Endpoints that other applications relate to."
  value = {
    cos_agent = "cos-agent"
    lease     = "lease"
  }
}

output "requires" {
  description = "Endpoints that need another application."
  value = {
    certificates = "certificates"
  }
}
