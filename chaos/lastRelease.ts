/** The commit of 0.11.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = '6ec7ca86';
