export { apiKeys } from './api-keys.ts'
export { devicePairing } from './device-pairing.ts'
export { members } from './members.ts'
export { tenants } from './tenants.ts'
