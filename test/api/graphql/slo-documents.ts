export const CREATE = /* GraphQL */ `
  mutation Create($input: NpSloInput!) {
    createSlo(input: $input) {
      slo {
        id sourceAccountId project name displayName description service labels
        budgetingMethod timeSliceWindow timeWindow sli alertPolicy state warnings createdAt updatedAt
        objectives { name displayName target primary timeSliceTarget op value }
      }
      errors { path code message }
    }
  }
`;
export const UPDATE = /* GraphQL */ `
  mutation Update($id: ID!, $patch: NpSloPatch!) {
    updateSlo(id: $id, patch: $patch) {
      slo { displayName description service labels timeWindow objectives { name target timeSliceTarget } }
      errors { path code message }
    }
  }
`;
export const DELETE = /* GraphQL */ `
  mutation Delete($id: ID!) {
    deleteSlo(id: $id) { deletedId errors { path code message } }
  }
`;
export const READ = /* GraphQL */ `
  query Read($id: ID!) {
    slo(id: $id) { id name }
  }
`;
