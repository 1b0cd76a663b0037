/**
 * Whether an answer to a refresh is of another user than the one who consented. The `sub` of its id_token
 * must be that of the original one (OpenID Connect Core section 12.2). Where one of the two is not
 * known, nothing is said. Pure.
 */
export const isOfAnother = (
  issued: { readonly subject: string | null },
  grant: { readonly subject?: string | null },
): boolean =>
  issued.subject !== null && (grant.subject ?? null) !== null && issued.subject !== grant.subject;
