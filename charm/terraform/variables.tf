variable "app_name" {
  description = "Name of the application."
  type        = string
  default     = "lxd-pool"
  nullable    = false
}

variable "base" {
  description = "Base of the machines."
  type        = string
  default     = "ubuntu@24.04"
  nullable    = false
}

variable "channel" {
  description = "Channel of the charm."
  type        = string
  default     = "latest/stable"
  nullable    = false
}

variable "config" {
  description = "Options of the charm that are to differ from their defaults."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "constraints" {
  description = "Constraints of the machines, such as \"cores=8 mem=32G root-disk=200G\"."
  type        = string
  default     = null
}

variable "model_uuid" {
  description = "UUID of the model to deploy to."
  type        = string
  nullable    = false
}

variable "resources" {
  description = "Revisions of the charm's resources that are to differ from those released with it."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "revision" {
  description = "Revision of the charm; null for the newest in its channel."
  type        = number
  default     = null
}

variable "units" {
  description = "Number of units. Each brings the LXD of its machine."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.units >= 0 && floor(var.units) == var.units
    error_message = "The number of units must be a whole number that is not negative."
  }
}
