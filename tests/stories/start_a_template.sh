# Start a template: its tests pass at once. STORY_TEMPLATE names the template.
fc-async init "$STORY_TEMPLATE" --no-input project_name=shop
cd shop
fc-async validate
in_its_environment make test
prints " passed"
