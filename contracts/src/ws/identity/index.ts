export { devicePairing } from './device-pairing.ts'
