/** The commit of 0.8.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = '365f0d3a';
