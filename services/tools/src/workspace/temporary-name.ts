/** Names of files that are being written; hidden from listings. */
export const temporaryName = /^\.clawmesh-[0-9a-f]{16}\.tmp$/
