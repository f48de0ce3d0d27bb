/** The commit of 0.9.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = '5f3878b3';
