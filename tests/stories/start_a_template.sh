# Start a template: its tests pass at once. STORY_TEMPLATE names the template.
fc-async init "$STORY_TEMPLATE" --no-input project_name=shop
from_the_network cp dist/fc_async-0.2.0-py3-none-any.whl shop/wheels/
cd shop
fc-async validate
in_its_environment make test
prints " passed"
