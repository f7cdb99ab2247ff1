/** Which tenants the credential reaches. */
export type TenantScope =
  | { readonly kind: 'master' }
  | { readonly kind: 'own'; readonly tenantId: string }
  | { readonly kind: 'membership' }
  | { readonly kind: 'all' }
