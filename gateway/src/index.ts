export { gatewayConfig } from './config.ts'
export { gatewayService, type GatewayService } from './service.ts'
