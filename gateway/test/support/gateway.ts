/** An edge in this process over a mesh that is already there. */
import { createLogger, createLifecycle, loadConfigs, type Mesh } from '@clawmesh/chassis'
import { socketLimits, type SocketLimits } from '../../src/ws/limits.ts'
import { gatewayConfig, gatewayService, type GatewayService } from '../../src/index.ts'

export interface StartedGateway {
  service: GatewayService
  port: number
  stop: () => Promise<void>
}

export const gatewayToken = 'the gateway token of the tests'

/** Starts an edge on a free port with a gateway token, unless the environment given says otherwise. */
export const startGateway = async (
  mesh: Mesh,
  env: Record<string, string> = {},
  limits: Partial<SocketLimits> = {},
): Promise<StartedGateway> => {
  const { gateway: config } = loadConfigs(
    { gateway: gatewayConfig },
    { GOCLAW_PORT: '0', GOCLAW_HOST: '127.0.0.1', GOCLAW_GATEWAY_TOKEN: gatewayToken, ...env },
  )
  const service = gatewayService(mesh, config, { ...socketLimits, ...limits })
  const life = createLifecycle(service.parts, createLogger({ level: 'silent', name: 'test' }))
  await life.start()
  return { service, port: service.port(), stop: life.stop }
}
