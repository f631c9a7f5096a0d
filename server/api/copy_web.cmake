# Makes folder TO the same as folder FROM, if that exists.
if(EXISTS ${FROM}/index.html)
  file(REMOVE_RECURSE ${TO})
  file(COPY ${FROM}/ DESTINATION ${TO})
endif()
