import { resolveSetting } from '@clawmesh/chassis'
import { gatewayConfig } from '@clawmesh/gateway'

/** The version that the edge shows, read before the rest of the configuration is known to be right. */
export const version = resolveSetting(gatewayConfig.settings.version, process.env).value as string
